import { setTimeout as delay } from 'node:timers/promises'
import { TureenError } from '../errors.ts'
import { inSeconds } from '../in-seconds.ts'

const patienceMilliseconds = 5_000

/**
 * Returns a function that asks the disk and always ends. Callers that ask meanwhile share one answer. So a hanging disk blocks one of Node's
 * few file-system threads, and not all of them.
 *
 * @returns a function that rejects with TureenError `TUREEN_STORE_FAILED` after 5 seconds
 */
export function oneQuestion<Answer>(what: string, ask: () => Promise<Answer>): () => Promise<Answer> {
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
      const cause = { field: 'TUREEN_DATA', expected, message }
      throw new TureenError('TUREEN_STORE_FAILED', `${sentence}. Check the disk under TUREEN_DATA.`, [cause])
    })
    late.catch(() => undefined)
    try {
      return await Promise.race([asked, late])
    } finally {
      enough.abort()
    }
  }
}
