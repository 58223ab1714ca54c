import { join } from 'node:path'
import type { KyselyPlugin } from 'kysely'
import pino from 'pino'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { mergeRequest } from '../../schemas/merge.ts'
import { sharedEvents } from '../../src/jobs/cluster/shared-events.ts'
import { insertLog } from '../../src/jobs/job-event-rows.ts'
import { insertJob, transition } from '../../src/jobs/job-records.ts'
import { type Catalog, openCatalog } from '../../src/storage/database.ts'
import { temporaryDirectory } from '../support/server.ts'

let directory: Awaited<ReturnType<typeof temporaryDirectory>>
let catalog: Catalog
let closing: AbortController
beforeEach(async () => {
  directory = await temporaryDirectory()
  catalog = await openCatalog(join(directory.path, 'catalog.sqlite'))
  closing = new AbortController()
})
afterEach(async () => {
  closing.abort()
  await catalog.destroy()
  await directory.remove()
})

const forever = new AbortController().signal

/** The news of a process whose notifications a test makes. `told`: the texts that it tells. `looks`: the number of its statements. */
function openEvents() {
  const counted = { statements: 0, told: [] as string[], gap: () => {}, hear: (_: string) => {} }
  const counter: KyselyPlugin = {
    transformQuery({ node }) {
      counted.statements += 1
      return node
    },
    transformResult: async ({ result }) => result,
  }
  const notifications = {
    listen: (_: string, hear: (text: string) => void, onGap: () => void) => {
      Object.assign(counted, { hear, gap: onGap })
      return () => {
        counted.gap = () => {}
      }
    },
    tell: async (_: Catalog, channel: string, text: string) => void counted.told.push(`${channel} ${text}`),
  }
  const log = pino({ level: 'silent' })
  const events = sharedEvents({ catalog: catalog.withPlugin(counter), notifications, closing: closing.signal, log })
  return { events, counted }
}

const request = mergeRequest.parse({ models: [{ id: 'a' }, { id: 'b' }] })
const insert = (transaction: Catalog) => insertJob(transaction, { type: 'merge', request, labels: {}, inputIds: [] })

test('a gap costs one statement for a thousand followed jobs, and wakes those that have changed', async () => {
  const ids = await catalog.transaction().execute(async transaction => {
    const inserted: string[] = []
    for (let index = 0; index < 1500; index += 1) inserted.push(await insert(transaction))
    return inserted
  })
  const { events, counted } = openEvents()
  const woken = new Set<number>()
  const all = [...ids, 'unknown'].flatMap(id => [events.follow(id, forever), events.follow(id, forever)])
  const nextOf = (index: number) => all[index]?.next(60_000).then(() => void woken.add(index))
  const first = all.map((_, index) => nextOf(index))
  counted.gap()
  await Promise.all(first)
  expect(counted.statements).toBe(2)

  woken.clear()
  const again = all.map((_, index) => nextOf(index))
  await transition(catalog, ids[7] ?? '', ['queued'], 'running')
  await insertLog(catalog, ids[1200] ?? '', 'a')
  for (let gaps = 0; gaps < 50; gaps += 1) counted.gap()
  await Promise.all([14, 15, 2400, 2401].map(index => again[index]))
  // All gaps that come during a look cost one more.
  await vi.waitFor(() => expect(counted.statements).toBe(6))
  expect([...woken].sort((a, b) => a - b)).toEqual([14, 15, 2400, 2401])
  for (const followed of all) followed.close()
  counted.gap()
  await catalog.selectFrom('jobs').select('id').limit(1).execute()
  expect(counted.statements).toBe(6)
})

test('a process tells its changes, and does not read twice when it hears its own', async () => {
  const { events, counted } = openEvents()
  const followed = events.follow('a', forever)
  events.changed('a')
  await followed.next(60_000)
  expect(counted.told).toEqual([expect.stringMatching(/^tureen_jobs \S+ a$/)])
  let isWoken = false
  const second = followed.next(60_000).then(() => {
    isWoken = true
  })
  const [own = ''] = counted.told
  counted.hear(own.replace('tureen_jobs ', ''))
  await Promise.resolve()
  expect(isWoken).toBe(false)
  counted.hear('another-process a')
  await second
  followed.close()
})

test('a look that fails is tried again', async () => {
  const { events, counted } = openEvents()
  const followed = events.follow('a', forever)
  await catalog.schema.alterTable('jobs').renameTo('hidden').execute()
  counted.gap()
  await vi.waitFor(() => expect(counted.statements).toBeGreaterThan(0))
  await catalog.schema.alterTable('hidden').renameTo('jobs').execute()
  await followed.next(60_000)
  expect(counted.statements).toBeGreaterThan(1)
  followed.close()
})
