import type { ErrorCode } from '../error-catalogue.ts'

/** Error codes of running models in an evaluator. A model or data set may also turn out not to fit, with the codes of a request. */
export const evaluatorErrors = [
  'TUREEN_EVALUATION_FAILED',
  'TUREEN_EVALUATION_CRASHED',
  'TUREEN_EVALUATION_MEMORY',
  'TUREEN_EVALUATION_TIMEOUT',
  'TUREEN_EVALUATOR_UNAVAILABLE',
] as const satisfies readonly ErrorCode[]
