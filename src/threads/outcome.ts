import { type Problem, TureenError } from '../errors.ts'

/** What a thread's task came to. A refusal is a result: errors of the catalogue would lose their class on the way. */
export type Outcome<Value> = { ok: true; value: Value } | { ok: false; problem: Problem }

/** Runs a task. @throws whatever it throws that is not of the catalogue */
export function outcome<Value>(task: () => Value): Outcome<Value> {
  try {
    return { ok: true, value: task() }
  } catch (error) {
    return refusal(error)
  }
}

/** @throws the error itself if it is not of the catalogue */
export function refusal(error: unknown): { ok: false; problem: Problem } {
  if (error instanceof TureenError) return { ok: false, problem: error.toProblem() }
  throw error
}
