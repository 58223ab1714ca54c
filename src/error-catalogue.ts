import type { ErrorEntries } from './error-entries/error-entry.ts'
import { refusedContents } from './error-entries/refused-contents.ts'
import { refusedRequests } from './error-entries/refused-requests.ts'
import { serverLimits } from './error-entries/server-limits.ts'

/**
 * The error catalogue: each refusal and failure of the API has one stable code and one HTTP status here.
 * `npm run build:docs` writes `docs/reference/errors.md` from it.
 */
export const errorCatalogue = {
  ...refusedRequests,
  ...refusedContents,
  ...serverLimits,
} as const satisfies ErrorEntries

export type ErrorCode = keyof typeof errorCatalogue

/** Codes whose errors have no causes, because a client can neither look at the fault nor change it. */
export const causelessCodes = [
  'TUREEN_INTERNAL',
  'TUREEN_SHUTTING_DOWN',
  'TUREEN_CATALOG_UNAVAILABLE',
  'TUREEN_JOB_CANCELLED',
] as const satisfies readonly ErrorCode[]

export type CauselessCode = (typeof causelessCodes)[number]
