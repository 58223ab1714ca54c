import { once } from 'node:events'
import pino from 'pino'
import { expect, onTestFinished, test } from 'vitest'
import type { HelpedSearch } from '../../src/jobs/helped-search.ts'
import { createSearchHelper, type HelperServices, type SearchHelper } from '../../src/jobs/search-helper.ts'
import { memoryBoard } from '../support/memory-board.ts'

const jobId = 'job'
const range = { id: 'range', term: 0, fingerprint: '', soups: [] }

/** Starts a helper of a search that offers one range. */
async function helping(services: Pick<HelperServices, 'open'> & Partial<HelperServices>) {
  const board = memoryBoard()
  const helper = createSearchHelper({
    board,
    evaluators: 1,
    isFree: () => true,
    onScored: () => undefined,
    log: pino({ level: 'silent' }),
    times: { beat: 5, linger: 50, refusal: 1_000_000 },
    ...services,
  })
  await board.offer(jobId, [range])
  helper.start()
  return { board, helper }
}

test('a worker that closes does not wait until the search is open whose range it has taken', async () => {
  const opening = Promise.withResolvers<void>()
  const { board, helper } = await helping({
    async open(_, signal) {
      opening.resolve()
      await once(signal, 'abort')
      throw signal.reason
    },
  })
  await opening.promise
  await helper.close()
  expect(await board.states(jobId)).toMatchObject([{ holder: null, isSettled: false }])
})

test('a worker that has a job closes the search that it helped, although the search goes on offering ranges', async () => {
  let isFree = true
  const closed = Promise.withResolvers<void>()
  const { helper } = await helping({
    isFree: () => isFree,
    async open(_, signal): Promise<HelpedSearch> {
      const score = async () => {
        isFree = false
        return 0
      }
      return { score, ended: once(signal, 'abort').then(() => closed.resolve()) }
    },
  })
  ringing(helper)
  await closed.promise
  await helper.close()
})

test('a worker closes, although a search that it helps does not end cleanly', async () => {
  const scored = Promise.withResolvers<void>()
  const { helper } = await helping({
    async open(_, signal): Promise<HelpedSearch> {
      const score = async () => {
        scored.resolve()
        return 0
      }
      const ended = once(signal, 'abort').then(() => Promise.reject(new Error('a file cannot be removed')))
      return { score, ended }
    },
  })
  await scored.promise
  await expect(helper.close()).resolves.toBeUndefined()
})

/** Rings for a worker as often as a search that offers ranges. */
function ringing({ wake }: SearchHelper): void {
  const timer = setInterval(wake, 1)
  onTestFinished(() => clearInterval(timer))
}
