import { asTureenError, type Problem } from '../errors.ts'

/**
 * The outcome of a thread's task. A refusal is a value: between threads, errors of the catalogue would lose their
 * class, and system errors the code that separates a full disk from a defect.
 */
export type Outcome<Value> = { ok: true; value: Value } | { ok: false; problem: Problem }

/** Runs a task. @throws the task's error if neither the catalogue nor the system has a code for it */
export async function outcome<Value>(task: () => Value | Promise<Value>): Promise<Outcome<Value>> {
  try {
    return { ok: true, value: await task() }
  } catch (error) {
    return refusal(error)
  }
}

/** Returns an error as a refusal. @throws the error itself if neither the catalogue nor the system has a code for it */
function refusal(error: unknown): { ok: false; problem: Problem } {
  const failure = asTureenError(error)
  if (failure.code !== 'TUREEN_INTERNAL') return { ok: false, problem: failure.toProblem() }
  throw error
}
