import { EventEmitter, once } from 'node:events'
import { Client } from 'pg'
import pino from 'pino'
import { afterAll, afterEach, beforeAll, beforeEach, expect, inject, test } from 'vitest'
import type { Catalog } from '../../src/storage/database.ts'
import { poolOf } from '../../src/storage/postgres/database-pool.ts'
import { type Notifications, openNotifications } from '../../src/storage/postgres/notifications.ts'
import { catalogIn } from '../../src/storage/postgres/postgres-dialect.ts'
import { createDatabase, type Pooler, startPooler } from '../support/postgres.ts'
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts'

let server: string
let pooler: Pooler
let proxy: TcpProxy
let url: string
/** Another process of the same database. */
let other: Client
const closes: (() => Promise<unknown>)[] = []

beforeAll(async () => {
  server = inject('postgres') ?? ''
  pooler = await startPooler(server)
})
afterAll(() => pooler.remove())
beforeEach(async () => {
  url = await createDatabase(server)
  proxy = await startTcpProxy(url)
  other = new Client(url)
  await other.connect()
})
afterEach(async () => {
  for (const close of closes.splice(0).reverse()) await close()
  await proxy.close()
  await other.end()
})

/** Address of the same database behind the proxy. */
function proxied(): string {
  const address = new URL(url)
  address.port = String(proxy.port)
  return address.href
}

const lost = 'the connection for notifications was lost'
const none = 'the database delivers no notifications: the server reads its rows each second'
const again = 'the database delivers notifications again'

/** Opens notifications as a process does. `logs`: the messages that it logs. `logged` waits for one. */
async function open({ pool = url, direct = url } = {}) {
  const logs: string[] = []
  const emitter = new EventEmitter()
  const write = (line: string) => {
    logs.push(JSON.parse(line).msg)
    emitter.emit('line')
  }
  const log = pino({}, { write })
  const logged = async (message: string) => {
    while (!logs.includes(message)) await once(emitter, 'line')
  }
  const catalog = catalogIn(poolOf(pool, 2, () => undefined))
  closes.push(() => catalog.destroy())
  const notifications = await openNotifications(catalog, direct, log)
  closes.push(notifications.close)
  return { catalog, notifications, logs, logged }
}

/** Hears a channel. `until` waits for a text, `gap` for the next gap. */
function hear(notifications: Notifications, channel: string) {
  const heard: string[] = []
  const emitter = new EventEmitter()
  const stop = notifications.listen(
    channel,
    text => {
      heard.push(text)
      emitter.emit('change')
    },
    () => emitter.emit('gap'),
  )
  const until = async (text: string) => {
    while (!heard.includes(text)) await once(emitter, 'change')
  }
  return { heard, stop, until, gap: () => once(emitter, 'gap') }
}

const tellElsewhere = (channel: string, text: string) => other.query('select pg_notify($1, $2)', [channel, text])

/** Ends the connection that listens. */
const endListening = () =>
  other.query(`select pg_terminate_backend(pid) from pg_stat_activity
    where datname = current_database() and query like 'listen %'`)

const tellAt = async (catalog: Catalog, { tell }: Notifications, text: string, ends: 'commit' | 'rollback') => {
  const transaction = await catalog.startTransaction().execute()
  await tell(transaction, 'news', text)
  await transaction[ends]().execute()
}

test('each listener of a channel hears the texts of other processes and of this one, in their order', async () => {
  const { catalog, notifications } = await open()
  const [one, two, third] = [
    hear(notifications, 'news'),
    hear(notifications, 'news'),
    hear(notifications, 'Other "news"'),
  ]
  await third.gap()
  for (const text of ['a', 'ü', '']) await tellElsewhere('news', text)
  await tellElsewhere('Other "news"', 'b')
  await third.until('b')
  one.stop()
  await notifications.tell(catalog, 'news', 'own')
  await two.until('own')
  expect([one.heard, two.heard, third.heard]).toEqual([['a', 'ü', ''], ['a', 'ü', '', 'own'], ['b']])
})

test('a channel without listeners is not listened to, and may have listeners again', async () => {
  const { notifications } = await open()
  const first = hear(notifications, 'news')
  await first.gap()
  first.stop()
  const channels = hear(notifications, 'more')
  await channels.gap()
  const second = hear(notifications, 'news')
  await second.gap()
  await tellElsewhere('news', 'a')
  await second.until('a')
  expect(first.heard).toEqual([])
})

test('equal texts of the same 20 ms are sent once', async () => {
  const { catalog, notifications } = await open()
  const here = hear(notifications, 'news')
  await here.gap()
  for (let index = 0; index < 100; index += 1)
    for (const text of ['a', 'b']) await notifications.tell(catalog, 'news', text)
  await notifications.tell(catalog, 'news', 'last')
  await here.until('last')
  expect([...new Set(here.heard)]).toEqual(['a', 'b', 'last'])
  // The first text is sent at once, with those of the same 20 ms after it.
  expect(here.heard.length).toBeLessThanOrEqual(4)
})

test('a text of a transaction comes at its commit, and never after a rollback', async () => {
  const { catalog, notifications } = await open()
  const here = hear(notifications, 'news')
  await here.gap()
  await tellAt(catalog, notifications, 'rolled back', 'rollback')
  await tellAt(catalog, notifications, 'kept', 'commit')
  await here.until('kept')
  expect(here.heard).toEqual(['kept'])
  const transaction = await catalog.startTransaction().execute()
  await expect(notifications.tell(transaction, 'news', 'x'.repeat(8000))).rejects.toThrow('payload string too long')
  await transaction.rollback().execute()
})

test('after its connection was ended, listeners hear of the gap, and of later texts', async () => {
  const { notifications, logs } = await open()
  const here = hear(notifications, 'news')
  await here.gap()
  const gap = here.gap()
  await endListening()
  await tellElsewhere('news', 'missed')
  await gap
  await tellElsewhere('news', 'later')
  await here.until('later')
  expect(logs).toEqual([lost])
})

test('a connection that has become silent is found, and replaced', async () => {
  const { notifications, logs } = await open({ direct: proxied() })
  const here = hear(notifications, 'news')
  await here.gap()
  const gap = here.gap()
  proxy.silence()
  await tellElsewhere('news', 'missed')
  await gap
  await tellElsewhere('news', 'later')
  await here.until('later')
  expect(here.heard).toEqual(['later'])
  expect(logs).toEqual([lost])
})

test('behind pgbouncer in transaction mode, listeners hear of a gap each second, and the log says so once', async () => {
  const pooled = pooler.url(new URL(url).pathname.slice(1))
  const { notifications, logs } = await open({ pool: pooled, direct: pooled })
  const here = hear(notifications, 'news')
  for (let gaps = 0; gaps < 4; gaps += 1) await here.gap()
  expect(logs).toEqual([none])
})

test('behind pgbouncer with the address of the database, texts are told and heard', async () => {
  const { catalog, notifications, logs } = await open({ pool: pooler.url(new URL(url).pathname.slice(1)) })
  const here = hear(notifications, 'news')
  await here.gap()
  await notifications.tell(catalog, 'news', 'a')
  await here.until('a')
  expect(logs).toEqual([])
})

test('while the connection is refused, listeners hear of gaps; then texts arrive', async () => {
  proxy.refuse(true)
  const { notifications, logs, logged } = await open({ direct: proxied() })
  const here = hear(notifications, 'news')
  await here.gap()
  await here.gap()
  proxy.refuse(false)
  await logged(again)
  await tellElsewhere('news', 'a')
  await here.until('a')
  expect(logs).toEqual([none, again])
})

test('news that the database does not take is told when it is back', async () => {
  const { notifications: teller, catalog } = await open({ pool: proxied() })
  const { notifications } = await open()
  const here = hear(notifications, 'news')
  await here.gap()
  proxy.refuse(true)
  await proxy.endAll()
  await teller.tell(catalog, 'news', 'a')
  await teller.tell(catalog, 'news', 'b')
  const arrived = here.until('b')
  proxy.refuse(false)
  await arrived
  expect(here.heard.toSorted()).toEqual(['a', 'b'])
})

test('a close ends a wait for a connection', async () => {
  const { notifications } = await open({ direct: proxied() })
  proxy.refuse(true)
  await proxy.endAll()
  await notifications.close()
  const { rows } = await other.query(
    `select 1 from pg_stat_activity where datname = current_database() and query like 'listen %'`,
  )
  expect(rows).toEqual([])
})
