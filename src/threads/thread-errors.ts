import type { ErrorCode } from '../error-catalogue.ts'
import type { ThreadPool } from './thread-pool.ts'

/** Errors that can end any task of a worker thread: its time, or its memory. */
const taskErrors = ['TUREEN_TASK_TIMEOUT', 'TUREEN_MODEL_LIMIT', 'TUREEN_OUT_OF_MEMORY'] as const

/** Errors of reading a model, even one that was accepted before: pairing finds more than inspecting. */
const readingErrors = [
  'TUREEN_MODEL_MALFORMED',
  'TUREEN_MODEL_LIMIT',
  'TUREEN_CHECKPOINT_MALFORMED',
  'TUREEN_CHECKPOINT_UNSUPPORTED',
] as const

/** Errors of reading files that a client has just sent. */
const receivedErrors = [...readingErrors, 'TUREEN_NOT_ONNX', 'TUREEN_NOT_FOUND', 'TUREEN_REQUEST_INVALID'] as const

/** Errors that prevent a merge, found before any byte is computed. */
const checkErrors = [
  ...taskErrors,
  ...readingErrors,
  'TUREEN_MODEL_INCOMPLETE',
  'TUREEN_MODEL_UNSUPPORTED',
  'TUREEN_CHECKPOINT_UNSUITABLE',
  'TUREEN_MODELS_DIFFER',
  'TUREEN_NON_FLOAT_DIFFERS',
  'TUREEN_RULE_UNMATCHED',
  'TUREEN_BLOCKS_UNKNOWN',
  'TUREEN_OUTPUT_DTYPE_IMPOSSIBLE',
  'TUREEN_WEIGHTS_INVALID',
] as const

/** The error codes of the tasks of {@link ThreadPool}. */
export const threadErrors = {
  inspect: [...taskErrors, ...receivedErrors],
  checkData: [...taskErrors, ...readingErrors],
  tensors: [...taskErrors, ...readingErrors],
  summarize: [...taskErrors, ...readingErrors, 'TUREEN_MODEL_INCOMPLETE', 'TUREEN_NOT_FOUND', 'TUREEN_REQUEST_INVALID'],
  dataset: [...taskErrors, 'TUREEN_DATASET_MALFORMED', 'TUREEN_DATASET_UNSUPPORTED'],
  readYaml: [...taskErrors, 'TUREEN_REQUEST_INVALID', 'TUREEN_BODY_MALFORMED', 'TUREEN_TOO_LARGE'],
  check: [...checkErrors, 'TUREEN_RECALIBRATION_IMPOSSIBLE'],
  checkSearch: checkErrors,
  findExport: [...taskErrors, ...readingErrors, 'TUREEN_MODELS_DIFFER', 'TUREEN_EXPORT_UNMATCHED'],
  convert: [...taskErrors, ...readingErrors, 'TUREEN_MODEL_UNSUPPORTED', 'TUREEN_CHECKPOINT_DIFFERS'],
  merge: [...checkErrors, ...receivedErrors, 'TUREEN_NOT_FINITE'],
} as const satisfies Partial<Record<keyof ThreadPool, readonly ErrorCode[]>>
