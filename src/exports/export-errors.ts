import type { ErrorCode } from '../error-catalogue.ts'
import type { ExportStore } from './export-store.ts'

const getErrors = ['TUREEN_NOT_FOUND', 'TUREEN_RECORD_UNREADABLE'] as const

/** Error codes of the methods of {@link ExportStore}. */
export const exportErrors = {
  get: getErrors,
  correspondence: getErrors,
  find: ['TUREEN_NOT_FOUND'],
  text: ['TUREEN_NOT_FOUND'],
  list: ['TUREEN_REQUEST_INVALID'],
  remove: ['TUREEN_NOT_FOUND', 'TUREEN_IN_USE', 'TUREEN_STORE_FULL'],
} as const satisfies Partial<Record<keyof ExportStore, readonly ErrorCode[]>>
