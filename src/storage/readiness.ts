import { constants } from 'node:fs'
import { access, open, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { sql } from 'kysely'
import type { ErrorCode } from '../error-catalogue.ts'
import { asTureenError, type ProblemItem, TureenError } from '../errors.ts'
import type { Catalog } from './database.ts'
import { oneQuestion } from './one-question.ts'

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

export function createReadiness(catalog: Catalog, directory: string): Readiness {
  const content = join(directory, 'content')
  const parts = {
    catalog: oneQuestion('the catalog', () => sql`select 1 from models limit 1`.execute(catalog)),
    content: oneQuestion('the directory of content', async () => {
      await access(content, constants.W_OK)
      const handle = await open(content)
      try {
        await handle.stat()
        await readdir(content)
      } finally {
        await handle.close()
      }
    }),
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
