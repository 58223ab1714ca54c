import type { ErrorCode } from '../error-catalogue.ts'
import { evaluatorErrors } from '../evaluate/evaluator-errors.ts'
import type { JobCommands } from './job-commands.ts'
import type { JobQueries } from './job-queries.ts'

/** Codes with which only searches end. */
const searchEndErrors = ['TUREEN_CONSTRAINTS_UNMET', 'TUREEN_EXTERNAL_IDLE'] as const

const getErrors = ['TUREEN_NOT_FOUND', 'TUREEN_RECORD_UNREADABLE'] as const

/**
 * Error codes of {@link JobCommands}, {@link JobQueries} and streams of events. `end`: those with which jobs end, beside those that refuse the
 * request to start one.
 */
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
    ...searchEndErrors,
    ...evaluatorErrors,
  ],
} as const satisfies Record<
  keyof JobCommands | Exclude<keyof JobQueries, 'text'> | 'events' | 'end',
  readonly ErrorCode[]
>
