import type { ErrorCode } from '../error-catalogue.ts'
import { evaluatorErrors } from '../evaluate/evaluator-errors.ts'
import type { JobService } from './job-service.ts'

const getErrors = ['TUREEN_NOT_FOUND', 'TUREEN_RECORD_UNREADABLE'] as const

/** Error codes of the methods of {@link JobService}. `end`: those with which jobs end, beside those that refuse the request to start one. */
export const jobErrors = {
  create: ['TUREEN_NOT_FOUND', 'TUREEN_QUEUE_FULL', 'TUREEN_STORE_FULL'],
  get: getErrors,
  wait: getErrors,
  list: ['TUREEN_REQUEST_INVALID'],
  cancel: [...getErrors, 'TUREEN_JOB_FINISHED', 'TUREEN_STORE_FULL'],
  remove: ['TUREEN_NOT_FOUND', 'TUREEN_IN_USE', 'TUREEN_STORE_FULL'],
  events: getErrors,
  end: [
    'TUREEN_JOB_CANCELLED',
    'TUREEN_JOB_ATTEMPTS_EXHAUSTED',
    'TUREEN_CONTENT_DAMAGED',
    'TUREEN_NOT_FINITE',
    'TUREEN_TASK_TIMEOUT',
    'TUREEN_STORE_FULL',
    ...evaluatorErrors,
  ],
} as const satisfies Partial<Record<keyof JobService | 'end', readonly ErrorCode[]>>
