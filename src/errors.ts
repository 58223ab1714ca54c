import { type ErrorCode, errorCatalogue } from './error-catalogue.ts'
import { processLimits } from './process-limits.ts'

/** One cause of a refusal, placed as exactly as it can be. */
export type ProblemItem = {
  model?: string
  tensor?: string
  node?: string
  field?: string
  /** A value that was expected and the one that was found: the first elements of a tensor, say. */
  expected?: string
  actual?: string
  message: string
}

/** A {@link TureenError} as plain data: what crosses a thread, and what a job keeps. */
export type Problem = { code: ErrorCode; detail: string; errors: ProblemItem[] }

/** A refusal or failure of the catalogue. `detail` says what happened and what to do about it. */
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

/** An error of the catalogue as the fault of one of several models, which it then names. */
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

/** Whatever was thrown, as an error of the catalogue; what nobody foresaw becomes `TUREEN_INTERNAL`. */
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

/** The system's code for what went wrong, of SQLite's errors the one that a file would have had (https://www.sqlite.org/rescode.html). */
function systemCodeOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return ''
  if ('errcode' in thrown && typeof thrown.errcode === 'number') {
    const sqlite: Record<number, string> = { 8: 'EROFS', 10: 'EIO', 13: 'ENOSPC' }
    return sqlite[thrown.errcode & 0xff] ?? ''
  }
  // What kept a thread from starting stands in its message alone.
  if ('code' in thrown && thrown.code === 'ERR_WORKER_INIT_FAILED') return /EMFILE/.exec(thrown.message)?.[0] ?? ''
  return 'code' in thrown ? String(thrown.code) : ''
}
