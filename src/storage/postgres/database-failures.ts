import { DatabaseError } from 'pg'
import { TureenError } from '../../errors.ts'
import { DatabaseLost } from '../lost-database.ts'

/** The failure of a transaction that PostgreSQL broke off in favour of another one. The same transaction may succeed later. */
export class BrokenOff extends TureenError {}

/** Codes of transactions that were broken off: a serialization failure and a deadlock. */
const brokenOff: ReadonlySet<string> = new Set(['40001', '40P01'])

/** Classes and codes of states that pass: https://www.postgresql.org/docs/current/errcodes-appendix.html. */
const passing = [
  '08', // connection exceptions, also of pgbouncer
  '25006', // read-only transaction: a standby, or a primary that became one
  '28', // refused credentials
  '3D', // no such database
  '53', // no memory, disk or connection left
  '57', // operator intervention, such as a shutdown
]

const untranslatable = '22021'

/** True if an error means that the connection is gone. Errors that PostgreSQL sends have a code of five characters. */
export function isConnectionLost(error: unknown): boolean {
  return !(error instanceof DatabaseError)
}

/** Returns an error of PostgreSQL, or of the connection to it, as one of the catalogue; an error of a statement stays as it is. */
export function catalogFailure(error: unknown): unknown {
  if (!(error instanceof Error)) return error
  const reason = failureReason(error)
  if (!(error instanceof DatabaseError)) return unavailable('does not answer', reason, error)
  const { code = '' } = error
  if (code === untranslatable) return withoutNul(error)
  if (brokenOff.has(code))
    return new BrokenOff(
      'TUREEN_CATALOG_UNAVAILABLE',
      `Other changes of the catalog came in between (${reason}). Send the request again.`,
      [],
      { cause: error },
    )
  return passing.some(start => code.startsWith(start)) ? unavailable('cannot do this now', reason, error) : error
}

/** Returns the reason of a failure in words. Errors of Node for hosts with several addresses have no message of their own. */
export function failureReason(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(failureReason).join('; ')
  if (!(error instanceof Error)) return String(error)
  return error instanceof DatabaseError ? `${error.message}, SQLSTATE ${error.code}` : error.message
}

function unavailable(finding: string, reason: string, cause: unknown): TureenError {
  return new DatabaseLost(
    'TUREEN_CATALOG_UNAVAILABLE',
    `The database of the catalog ${finding} (${reason}). Send the request again.`,
    [],
    { cause },
  )
}

function withoutNul(cause: unknown): TureenError {
  const message = 'holds the character U+0000, which PostgreSQL does not store'
  return new TureenError(
    'TUREEN_REQUEST_INVALID',
    `A text of the request ${message}. Leave it out.`,
    [{ expected: 'texts without U+0000', message: `a text ${message}` }],
    { cause },
  )
}
