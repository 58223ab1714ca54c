import type { ErrorCode } from '../error-catalogue.ts'
import { threadErrors } from '../threads/thread-errors.ts'
import type { DatasetStore } from './dataset-store.ts'

/** Error codes of the methods of {@link DatasetStore}. */
export const datasetErrors = {
  add: [...threadErrors.dataset, 'TUREEN_STORE_FULL'],
  get: ['TUREEN_NOT_FOUND', 'TUREEN_RECORD_UNREADABLE'],
  read: ['TUREEN_NOT_FOUND'],
  list: ['TUREEN_REQUEST_INVALID'],
  change: ['TUREEN_NOT_FOUND', 'TUREEN_RECORD_UNREADABLE', 'TUREEN_REQUEST_INVALID', 'TUREEN_STORE_FULL'],
  remove: ['TUREEN_NOT_FOUND', 'TUREEN_IN_USE', 'TUREEN_STORE_FULL'],
} as const satisfies Partial<Record<keyof DatasetStore, readonly ErrorCode[]>>
