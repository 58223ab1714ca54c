import { type ErrorCode, errorCatalogue } from './error-catalogue.ts'
import { processLimits } from './process-limits.ts'

/** One cause of a refusal, with its place: the model, tensor, node or field. */
export type ProblemItem = {
  model?: string
  tensor?: string
  node?: string
  field?: string
  /** The expected value and the one that was found, such as the first elements of a tensor. */
  expected?: string
  actual?: string
  message: string
}

/** A {@link TureenError} as plain data, which worker threads can send and job records can keep. */
export type Problem = { code: ErrorCode; detail: string; errors: ProblemItem[] }

/** A refusal or failure with a code of the error catalogue. `detail` says what was found, what was expected, and what to do. */
export class TureenError extends Error {
  readonly code: ErrorCode
  readonly errors: ProblemItem[]

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

const tooManyFiles = {
  code: 'TUREEN_TOO_MANY_FILES',
  detail: `The server may have ${processLimits.openFiles ?? 'only so many'} files and connections open at a time (\`ulimit -n\`), and has. Try again when less is under way, or raise the limit and restart the server.`,
} as const

const systemErrors: Record<string, { code: ErrorCode; detail: string }> = {
  ENOSPC: {
    code: 'TUREEN_STORE_FULL',
    detail: 'The disk is full; delete models or enlarge the volume, then try again.',
  },
  EDQUOT: {
    code: 'TUREEN_STORE_FULL',
    detail: 'The disk quota is used up; delete models or raise it, then try again.',
  },
  EIO: {
    code: 'TUREEN_STORE_FAILED',
    detail:
      'The disk under the data directory reported an input/output error. Nothing was kept; look after the disk, then try again.',
  },
  EMFILE: tooManyFiles,
  ENFILE: {
    code: 'TUREEN_TOO_MANY_FILES',
    detail:
      'The machine has as many files open as it may (fs.file-max). Try again when less is under way, or raise the limit.',
  },
  EROFS: {
    code: 'TUREEN_STORE_FAILED',
    detail:
      'The data directory has become read-only, as after an error of its disk. Nothing was kept; mend it, then try again.',
  },
}

/** Returns a thrown value as an error of the catalogue. Unknown errors become `TUREEN_INTERNAL`. */
export function asTureenError(thrown: unknown): TureenError {
  if (thrown instanceof TureenError) return thrown
  const known = systemErrors[systemCodeOf(thrown)]
  if (known) return new TureenError(known.code, known.detail, [], { cause: thrown })
  return new TureenError(
    'TUREEN_INTERNAL',
    'The server failed; its log has the reason under this request or job id.',
    [],
    {
      cause: thrown,
    },
  )
}

/** Returns the system's error code, such as ENOSPC; for an error of SQLite, the code of the matching file error (https://www.sqlite.org/rescode.html). */
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
