import { setTimeout as delay } from 'node:timers/promises'
import { TureenError } from '../errors.ts'
import { inSeconds } from '../in-seconds.ts'
import { isPostgres } from './catalog-sql.ts'
import type { Catalog } from './database.ts'

const patienceMilliseconds = 5_000

/** The variable that names a part of the store, and the thing to check if the part does not answer. */
type Checked = { field: 'TUREEN_DATA' | 'TUREEN_DATABASE_URL'; advice: string }

const theDisk: Checked = { field: 'TUREEN_DATA', advice: 'the disk under TUREEN_DATA' }
const theDatabase: Checked = { field: 'TUREEN_DATABASE_URL', advice: 'the database of TUREEN_DATABASE_URL' }

/** Returns a function that asks the catalog, as {@link oneQuestion} does. */
export function oneQuestionOf<Answer>(catalog: Catalog, ask: () => Promise<Answer>): () => Promise<Answer> {
  return oneQuestion('the catalog', ask, isPostgres(catalog) ? theDatabase : theDisk)
}

/**
 * Returns a function that asks a part of the store and always ends. Callers that ask meanwhile share one answer. So a hanging disk blocks one
 * of Node's few file-system threads, and not all of them.
 *
 * @param checked the thing to check if there is no answer
 * @returns a function that rejects with TureenError `TUREEN_STORE_FAILED` after 5 seconds
 */
export function oneQuestion<Answer>(
  what: string,
  ask: () => Promise<Answer>,
  checked: Checked = theDisk,
): () => Promise<Answer> {
  let asked: Promise<Answer> | undefined
  return async () => {
    asked ??= ask().finally(() => {
      asked = undefined
    })
    const enough = new AbortController()
    const late = delay(patienceMilliseconds, undefined, { signal: enough.signal, ref: false }).then(() => {
      const message = `${what} did not answer within ${inSeconds(patienceMilliseconds)}`
      const sentence = `${message.charAt(0).toUpperCase()}${message.slice(1)}`
      const expected = `an answer within ${inSeconds(patienceMilliseconds)}`
      const cause = { field: checked.field, expected, message }
      throw new TureenError('TUREEN_STORE_FAILED', `${sentence}. Check ${checked.advice}.`, [cause])
    })
    late.catch(() => undefined)
    try {
      return await Promise.race([asked, late])
    } finally {
      enough.abort()
    }
  }
}
