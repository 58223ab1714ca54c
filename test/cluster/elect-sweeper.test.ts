import pino from 'pino'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { electSweeper } from '../../src/storage/cluster/elect-sweeper.ts'
import { startServerHolds } from '../../src/storage/cluster/server-holds.ts'
import { poolOf } from '../../src/storage/postgres/database-pool.ts'
import { catalogIn } from '../../src/storage/postgres/postgres-dialect.ts'
import { dropDatabase } from '../support/postgres.ts'
import { until } from '../support/store-client.ts'
import { createCatalogDatabase } from '../support/test-catalog.ts'

let url: string
beforeEach(async () => {
  url = await createCatalogDatabase()
})
afterEach(() => dropDatabase(url))

const log = pino({ level: 'silent' })
/** Milliseconds after which a killed server is dead for the others. */
const silent = 8000

/** A server that takes part. `said`: everything that it was told. */
async function candidate() {
  const catalog = catalogIn(poolOf(url, 2, () => undefined))
  const holds = await startServerHolds(catalog, log, silent)
  const said: boolean[] = []
  const election = electSweeper(holds, { log, every: 100, onChange: isSweeper => said.push(isSweeper) })
  return {
    ...election,
    said,
    /** The servers that do not count as dead. */
    servers: () => catalog.selectFrom('servers').selectAll().execute(),
    /** Ends it like SIGKILL: it can tell nobody. */
    async kill() {
      await catalog.destroy()
      await election.close()
      await holds.close()
    },
    async close() {
      await election.close()
      await holds.close()
      await catalog.destroy()
    },
  }
}
type Candidate = Awaited<ReturnType<typeof candidate>>

const elected = (all: readonly Candidate[]) => all.filter(each => each.isElected())

test('one of several servers is the sweeper, and another one when it closes', async () => {
  const all = await Promise.all([candidate(), candidate(), candidate()])
  await until('one is elected', () => elected(all).length > 0)
  const [first] = elected(all)
  expect(elected(all)).toHaveLength(1)
  await first?.close()
  const others = all.filter(each => each !== first)
  await until('another one is elected', () => elected(others).length > 0)
  expect(elected(others)).toHaveLength(1)
  expect(others.flatMap(({ said }) => said)).toEqual([true])
  for (const each of others) await each.close()
})

test('when the sweeper dies, another server takes over before the first one counts as dead', async () => {
  const first = await candidate()
  await first.untilElected(AbortSignal.any([]))
  const second = await candidate()
  expect([first.isElected(), second.isElected()]).toEqual([true, false])
  await first.kill()
  await second.untilElected(AbortSignal.any([]))
  expect(second.isElected()).toBe(true)
  expect(await second.servers()).toHaveLength(2)
  await until('the first one has noticed that nobody hears it', () => !first.isElected())
  await second.close()
})

test('waiting for the election ends with its signal', async () => {
  const [first, second] = [await candidate(), await candidate()]
  await until('one is elected', () => elected([first, second]).length > 0)
  const [other] = [first, second].filter(each => !each.isElected())
  const over = new AbortController()
  const waiting = other?.untilElected(over.signal)
  over.abort()
  await waiting
  expect(other?.isElected()).toBe(false)
  for (const each of [first, second]) await each.close()
})
