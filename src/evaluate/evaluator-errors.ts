import type { ErrorCode } from '../error-catalogue.ts'

/** Error codes of running models in an evaluator. A model or data set may also turn out not to fit, with the codes of a request. */
export const evaluatorErrors = [
  'TUREEN_EVALUATION_FAILED',
  'TUREEN_EVALUATION_CRASHED',
  'TUREEN_EVALUATION_MEMORY',
  'TUREEN_EVALUATION_TIMEOUT',
  'TUREEN_EVALUATOR_UNAVAILABLE',
] as const satisfies readonly ErrorCode[]

/**
 * Error codes that an evaluator itself may report. The server finds the others: a model that has taken over its evaluator could otherwise
 * have itself run again, or claim that the client cancelled its job.
 */
export const reportableErrors = [
  'TUREEN_EVALUATION_FAILED',
  'TUREEN_EVALUATION_MEMORY',
  'TUREEN_RECALIBRATION_IMPOSSIBLE',
  'TUREEN_DATASET_MISMATCH',
  'TUREEN_DATASET_MALFORMED',
  'TUREEN_DATASET_UNSUPPORTED',
  'TUREEN_METRIC_MISMATCH',
  'TUREEN_MODEL_MALFORMED',
  'TUREEN_WEIGHTS_INVALID',
  'TUREEN_MODEL_UNSUPPORTED',
  'TUREEN_TOO_MANY_FILES',
  'TUREEN_STORE_FAILED',
  'TUREEN_INTERNAL',
] as const satisfies readonly ErrorCode[]
