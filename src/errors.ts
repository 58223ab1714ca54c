import type { ProblemCause } from '../schemas/problem.ts'
import { type CauselessCode, type ErrorCode, errorCatalogue } from './error-catalogue.ts'
import { processLimits } from './process-limits.ts'

/** The subject of a cause: names from the request or the store, and values. */
export type Place = Partial<Record<Exclude<keyof ProblemCause, 'message'>, string>>

/** The problem, and its place if it is known. */
export type Finding = Place & { message: string }

/** One cause of a refusal. It carries the names and values of its message as fields, at least one of them. */
export type ProblemItem = ProblemPlace & { message: string }

/** The fields of a cause apart from its message; at least one is set. */
export type ProblemPlace = { [Key in keyof Place]-?: Place & Record<Key, string> }[keyof Place]

/** Returns a cause in which `change` has replaced each text. */
export function mapTexts<Item extends ProblemItem>(item: Item, change: (text: string) => string): Item {
  const texts = { ...item }
  for (const [key, text] of Object.entries(item)) if (text !== undefined) Object.assign(texts, { [key]: change(text) })
  return texts
}

/** A {@link TureenError} as plain data, which worker threads can send and job records can keep. */
export type Problem = { code: ErrorCode; detail: string; errors: ProblemItem[] }

/** A refusal or failure with a code of the error catalogue. `detail` says what was found, what was expected, and what to do. */
export class TureenError extends Error {
  readonly code: ErrorCode
  readonly errors: ProblemItem[]

  constructor(code: CauselessCode, detail: string, errors?: ProblemItem[], options?: ErrorOptions)
  constructor(code: ErrorCode, detail: string, errors: ProblemItem[], options?: ErrorOptions)
  constructor(code: ErrorCode, detail: string, errors: ProblemItem[] = [], options?: ErrorOptions) {
    super(detail, options)
    this.name = 'TureenError'
    this.code = code
    this.errors = errors
  }

  get status(): number {
    return errorCatalogue[this.code].status
  }

  toProblem(): Problem {
    return { code: this.code, detail: this.message, errors: this.errors }
  }

  static fromProblem(problem: Problem): TureenError {
    return new TureenError(problem.code, problem.detail, problem.errors)
  }
}

/** Returns the error with the name of the model that caused it. Errors outside the catalogue stay unchanged. */
export function blame(error: unknown, model: string): unknown {
  if (!(error instanceof TureenError)) return error
  const errors =
    error.errors.length > 0 ? error.errors.map(item => ({ model, ...item })) : [{ model, message: error.message }]
  return new TureenError(error.code, `${model}: ${error.message}`, errors, { cause: error })
}

/** Meaning of an error of the system. `field` and `expected`: the setting or limit behind it. */
type SystemFailure = { code: ErrorCode; field: string; expected?: string; finding: string; advice: string }

const systemFailures: Record<string, SystemFailure> = {
  ENOSPC: {
    code: 'TUREEN_STORE_FULL',
    field: 'TUREEN_DATA',
    finding: 'The disk of the data directory is full',
    advice: 'Delete models or enlarge the volume, then try again.',
  },
  EDQUOT: {
    code: 'TUREEN_STORE_FULL',
    field: 'TUREEN_DATA',
    finding: 'The disk quota of the data directory is used up',
    advice: 'Delete models or raise the quota, then try again.',
  },
  EIO: {
    code: 'TUREEN_STORE_FAILED',
    field: 'TUREEN_DATA',
    finding: 'The disk of the data directory reported an input/output error',
    advice: 'Nothing was kept. Check the disk, then try again.',
  },
  EMFILE: {
    code: 'TUREEN_TOO_MANY_FILES',
    field: 'ulimit -n',
    ...(processLimits.openFiles === undefined
      ? {}
      : { expected: `${processLimits.openFiles} files and connections at most` }),
    finding: 'The server has as many files and connections open as it may',
    advice: 'Try again when the server is less busy, or raise `ulimit -n` and restart the server.',
  },
  ENFILE: {
    code: 'TUREEN_TOO_MANY_FILES',
    field: 'fs.file-max',
    finding: 'The machine has as many files open as it may',
    advice: 'Try again when the machine is less busy, or raise fs.file-max.',
  },
  EROFS: {
    code: 'TUREEN_STORE_FAILED',
    field: 'TUREEN_DATA',
    finding: 'The data directory has become read-only, as after an error of its disk',
    advice: 'Nothing was kept. Repair the disk, then try again.',
  },
}

/** Returns a thrown value as an error of the catalogue. Unknown errors become `TUREEN_INTERNAL`. */
export function asTureenError(thrown: unknown): TureenError {
  if (thrown instanceof TureenError) return thrown
  const actual = systemCodeOf(thrown)
  const known = systemFailures[actual]
  if (known) {
    const { code, finding, advice, ...place } = known
    const limit = place.expected === undefined ? '' : ` (${place.expected})`
    return new TureenError(code, `${finding}${limit}. ${advice}`, [{ ...place, actual, message: finding }], {
      cause: thrown,
    })
  }
  return new TureenError(
    'TUREEN_INTERNAL',
    'The server failed. Its log has the reason under the id of this request or job.',
    [],
    { cause: thrown },
  )
}

/**
 * Returns the system's error code, such as ENOSPC; for an error of SQLite, the code of the matching file error
 * (https://www.sqlite.org/rescode.html).
 */
function systemCodeOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return ''
  if ('errcode' in thrown && typeof thrown.errcode === 'number') {
    const sqlite: Record<number, string> = { 8: 'EROFS', 10: 'EIO', 13: 'ENOSPC' }
    return sqlite[thrown.errcode & 0xff] ?? ''
  }
  // The error of a worker thread that could not start has the system's code only in its message.
  if ('code' in thrown && thrown.code === 'ERR_WORKER_INIT_FAILED') return /EMFILE/.exec(thrown.message)?.[0] ?? ''
  return 'code' in thrown ? String(thrown.code) : ''
}
