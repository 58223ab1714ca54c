import { asTureenError, type Problem } from '../errors.ts'

/**
 * What a thread's task came to. A refusal is a result: errors of the catalogue would lose their class on the way, and those of the
 * system the code that tells a full disk from a defect.
 */
export type Outcome<Value> = { ok: true; value: Value } | { ok: false; problem: Problem }

/** Runs a task. @throws whatever it throws that neither the catalogue nor the system has a code for */
export async function outcome<Value>(task: () => Value | Promise<Value>): Promise<Outcome<Value>> {
  try {
    return { ok: true, value: await task() }
  } catch (error) {
    return refusal(error)
  }
}

/** @throws the error itself if neither the catalogue nor the system has a code for it */
function refusal(error: unknown): { ok: false; problem: Problem } {
  const failure = asTureenError(error)
  if (failure.code !== 'TUREEN_INTERNAL') return { ok: false, problem: failure.toProblem() }
  throw error
}
