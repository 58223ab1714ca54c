import { constants } from 'node:fs'
import { access, readdir } from 'node:fs/promises'
import type { ErrorCode } from '../error-catalogue.ts'
import { asTureenError, type ProblemItem, TureenError } from '../errors.ts'
import { askCatalog, type Catalog } from './database.ts'
import { oneQuestion, oneQuestionOf } from './one-question.ts'

/** Checks that the store can serve requests. */
export type Readiness = {
  /**
   * Asks the catalog and the content directory.
   * @throws TureenError `TUREEN_NOT_READY` with each part that does not answer, and the reason
   */
  require(): Promise<void>
}

/** Error codes of {@link Readiness}. */
export const readinessErrors = ['TUREEN_NOT_READY'] as const satisfies readonly ErrorCode[]

/** @param content the local folder of content, or of its copies */
export function createReadiness(catalog: Catalog, content: string): Readiness {
  const parts: Record<string, () => Promise<unknown>> = {
    catalog: oneQuestionOf(catalog, () => askCatalog(catalog)),
    content: oneQuestion('the directory of content', () =>
      Promise.all([access(content, constants.W_OK), readdir(content)]),
    ),
  }
  return {
    async require() {
      const asked = Object.entries(parts).map(async ([field, ask]): Promise<ProblemItem[]> => {
        try {
          await ask()
          return []
        } catch (error) {
          return [{ field, message: asTureenError(error).message }]
        }
      })
      const errors = (await Promise.all(asked)).flat()
      if (errors.length === 0) return
      const said = errors.map(({ field, message }) => `${field}: ${message}`).join('; ')
      throw new TureenError('TUREEN_NOT_READY', `The server cannot serve requests: ${said}`, errors)
    },
  }
}
