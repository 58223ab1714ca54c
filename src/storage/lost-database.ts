import { TureenError } from '../errors.ts'

/** The failure of a connection to the database. What came before it in the same transaction was not kept. */
export class DatabaseLost extends TureenError {}

/** A commit whose answer was lost. The database may have kept the transaction, also later, so only a transaction that may run twice runs again. */
export class OutcomeUnknown extends TureenError {
  constructor({ code, message, errors }: TureenError) {
    super(code, message, errors)
  }
}

/** The failure of an addition whose claim on its content has ended before its commit. Nothing was committed, and the content may be gone. */
export class ClaimLost extends TureenError {}

/** True if work that ran into an error can run again: a write was lost, or may have been. */
export function mayRunAgain(error: unknown): boolean {
  return error instanceof OutcomeUnknown || error instanceof DatabaseLost || error instanceof ClaimLost
}
