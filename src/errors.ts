import { processLimits } from './process-limits.ts'

/**
 * The error catalogue: every refusal and failure that a client can meet has one stable code here, with one HTTP status.
 * The README explains each code; a test holds the two together.
 */
export const errorCatalogue = {
  TUREEN_REQUEST_INVALID: { status: 400, title: 'The request is malformed' },
  TUREEN_BODY_MALFORMED: { status: 400, title: 'The body cannot be read' },
  TUREEN_DIGEST_MISMATCH: { status: 400, title: 'The content does not have the digest that the request declares' },
  TUREEN_NOT_ONNX: { status: 400, title: 'The file is not an ONNX model' },
  TUREEN_MODEL_MALFORMED: { status: 400, title: 'The ONNX model is malformed' },
  TUREEN_DATASET_MALFORMED: { status: 400, title: 'The data set is malformed' },
  TUREEN_UNAUTHENTICATED: { status: 401, title: 'A token is needed' },
  TUREEN_FORBIDDEN: { status: 403, title: 'The token may not do this' },
  TUREEN_CROSS_ORIGIN: { status: 403, title: 'A page of another origin may not do this' },
  TUREEN_NOT_FOUND: { status: 404, title: 'Nothing is here' },
  TUREEN_METHOD_NOT_ALLOWED: { status: 405, title: 'The resource does not have this method' },
  TUREEN_REQUEST_TIMEOUT: { status: 408, title: 'The request took too long to arrive' },
  TUREEN_IN_USE: { status: 409, title: 'A job that is not over needs it' },
  TUREEN_MODEL_INCOMPLETE: { status: 409, title: 'The model lacks some of its data' },
  TUREEN_MODEL_COMPLETE: { status: 409, title: 'The model has all of its data already' },
  TUREEN_JOB_FINISHED: { status: 409, title: 'The job has already ended' },
  TUREEN_IDEMPOTENCY_KEY_BUSY: { status: 409, title: 'A request with this idempotency key is still being taken in' },
  TUREEN_JOB_CANCELLED: { status: 409, title: 'The job was cancelled' },
  TUREEN_PRECONDITION_FAILED: { status: 412, title: 'The resource is not in the state that the request asks for' },
  TUREEN_TOO_LARGE: { status: 413, title: 'The body is too large' },
  TUREEN_UNSUPPORTED_MEDIA_TYPE: { status: 415, title: 'The resource does not take this content type' },
  TUREEN_RANGE_NOT_SATISFIABLE: { status: 416, title: 'The range lies outside the content' },
  TUREEN_EXPECTATION_FAILED: { status: 417, title: 'The expectation cannot be met' },
  TUREEN_HOST_UNKNOWN: { status: 421, title: 'The server does not answer under this name' },
  TUREEN_IDEMPOTENCY_KEY_REUSED: { status: 422, title: 'The idempotency key belongs to another request' },
  TUREEN_MODEL_LIMIT: { status: 422, title: 'The model exceeds a limit' },
  TUREEN_MODEL_UNSUPPORTED: { status: 422, title: 'The model uses something that is not supported' },
  TUREEN_MODELS_DIFFER: { status: 422, title: 'The models are not variants of one network' },
  TUREEN_NON_FLOAT_DIFFERS: { status: 422, title: 'Tensors that are never averaged differ between the models' },
  TUREEN_WEIGHTS_INVALID: { status: 422, title: 'The weights do not make an average' },
  TUREEN_NOT_FINITE: { status: 422, title: 'A model or the soup holds NaN or infinite weights' },
  TUREEN_RULE_UNMATCHED: { status: 422, title: 'A rule matches no tensor' },
  TUREEN_BLOCKS_UNKNOWN: { status: 422, title: 'The blocks of the network are not those that the request needs' },
  TUREEN_OUTPUT_DTYPE_IMPOSSIBLE: { status: 422, title: 'The graph does not allow weights of this type' },
  TUREEN_RECALIBRATION_IMPOSSIBLE: { status: 422, title: 'The statistics of batch norms cannot be measured' },
  TUREEN_SEARCH_TOO_LARGE: { status: 422, title: 'The search would need too many candidates' },
  TUREEN_METRIC_MISMATCH: { status: 422, title: 'The metric does not fit the output and the target' },
  TUREEN_DATASET_UNSUPPORTED: { status: 422, title: 'The data set uses something that is not supported' },
  TUREEN_DATASET_MISMATCH: { status: 422, title: 'The data set does not fit the model' },
  TUREEN_EVALUATION_FAILED: { status: 422, title: 'The model could not be run' },
  TUREEN_EVALUATION_CRASHED: { status: 422, title: 'The model crashed the process that ran it' },
  TUREEN_EVALUATION_MEMORY: { status: 422, title: 'The model takes more memory than an evaluation may' },
  TUREEN_EVALUATION_TIMEOUT: { status: 422, title: 'The model runs longer than an evaluation may' },
  TUREEN_RATE_LIMITED: { status: 429, title: 'There are too many requests' },
  TUREEN_TOO_MANY_UPLOADS: { status: 429, title: 'There are too many uploads at a time' },
  TUREEN_QUEUE_FULL: { status: 429, title: 'There are too many jobs in the queue' },
  TUREEN_HEADERS_TOO_LARGE: { status: 431, title: 'The request headers are too large' },
  TUREEN_CONTENT_DAMAGED: { status: 500, title: 'Stored content is damaged' },
  TUREEN_RECORD_UNREADABLE: { status: 500, title: 'A stored record cannot be read' },
  TUREEN_STORE_FAILED: { status: 500, title: 'The disk failed' },
  TUREEN_INTERNAL: { status: 500, title: 'Something went wrong in the server' },
  TUREEN_CATALOG_UNAVAILABLE: { status: 503, title: 'The catalog cannot be read or written at the moment' },
  TUREEN_EVALUATOR_UNAVAILABLE: { status: 503, title: 'The process that runs models could not be started' },
  TUREEN_TOO_MANY_FILES: { status: 503, title: 'The server has as many files open as it may' },
  TUREEN_OUT_OF_MEMORY: { status: 503, title: 'The server has as much memory as it may' },
  TUREEN_NOT_READY: { status: 503, title: 'The server cannot serve requests at the moment' },
  TUREEN_SHUTTING_DOWN: { status: 503, title: 'The server is shutting down' },
  TUREEN_STORE_FULL: { status: 507, title: 'The store is full' },
} as const satisfies Record<string, { status: number; title: string }>

export type ErrorCode = keyof typeof errorCatalogue

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
