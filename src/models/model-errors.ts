import type { ErrorCode } from '../error-catalogue.ts'
import { threadErrors } from '../threads/thread-errors.ts'
import type { ModelStore } from './model-store.ts'

const getErrors = ['TUREEN_NOT_FOUND', 'TUREEN_RECORD_UNREADABLE'] as const

/** Error codes of the methods of {@link ModelStore}. */
export const modelErrors = {
  add: [...threadErrors.inspect, 'TUREEN_STORE_FULL'],
  addData: [
    ...getErrors,
    ...threadErrors.checkData,
    'TUREEN_MODEL_COMPLETE',
    'TUREEN_CONTENT_DAMAGED',
    'TUREEN_STORE_FULL',
  ],
  get: getErrors,
  read: ['TUREEN_NOT_FOUND'],
  getComplete: [...getErrors, 'TUREEN_MODEL_INCOMPLETE', 'TUREEN_CHECKPOINT_UNSUITABLE'],
  list: ['TUREEN_REQUEST_INVALID'],
  tensors: [...getErrors, ...threadErrors.tensors, 'TUREEN_REQUEST_INVALID', 'TUREEN_CONTENT_DAMAGED'],
  tensorSummary: [...getErrors, ...threadErrors.summarize, 'TUREEN_CONTENT_DAMAGED'],
  recipe: getErrors,
  change: ['TUREEN_NOT_FOUND', 'TUREEN_RECORD_UNREADABLE', 'TUREEN_REQUEST_INVALID', 'TUREEN_STORE_FULL'],
  remove: ['TUREEN_NOT_FOUND', 'TUREEN_IN_USE', 'TUREEN_STORE_FULL'],
  requireSound: ['TUREEN_CONTENT_DAMAGED'],
  whileSound: ['TUREEN_CONTENT_DAMAGED'],
  blamingDamage: [...getErrors, 'TUREEN_CONTENT_DAMAGED'],
  // A single model has no other to differ from, and no rules. Of the errors of a merge, only those of reading and of 2 GiB can occur.
  // `TUREEN_REQUEST_INVALID`: only a checkpoint can be had in another format.
  withInline: [
    'TUREEN_REQUEST_INVALID',
    ...threadErrors.tensors,
    'TUREEN_MODEL_INCOMPLETE',
    'TUREEN_MODEL_UNSUPPORTED',
    'TUREEN_CONTENT_DAMAGED',
    'TUREEN_STORE_FULL',
  ],
  file: ['TUREEN_NOT_FOUND', 'TUREEN_MODEL_INCOMPLETE'],
} as const satisfies Partial<Record<keyof ModelStore, readonly ErrorCode[]>>
