import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import {
  catalogSchema,
  databaseTables,
  type ObservedCommit,
  type OpenTransaction,
  simulatedPostgres,
} from './simulated-postgres.ts'

// The answers are those of PostgreSQL's documentation for `read committed`: chapters 13.2 and 13.3.

let tables: ReturnType<typeof databaseTables>
beforeAll(async () => {
  const directory = await mkdtemp(join(tmpdir(), 'tureen-simulated-'))
  tables = databaseTables(await catalogSchema(directory))
  await rm(directory, { recursive: true })
})

function open() {
  const commits: ObservedCommit[] = []
  const told: string[] = []
  const database = simulatedPostgres(tables, {
    committed: commit => commits.push(commit),
    told: (channel, text) => told.push(`${channel} ${text}`),
    now: () => 1_700_000_000_123,
  })
  const run = (transaction: OpenTransaction, sql: string, ...parameters: unknown[]) => {
    const answer = database.execute(transaction, sql, parameters)
    return 'blockedBy' in answer ? 'waits' : answer
  }
  const rowsOf = (transaction: OpenTransaction) => run(transaction, 'select "id" from "store" order by "id"')
  return { database, commits, told, run, rowsOf, begin: () => database.begin(undefined) }
}

const insert = 'insert into "store" ("id") values ($1)'
const insertJob = `insert into "jobs" ("id", "type", "status", "request", "created_at") values ($1, 'merge', 'queued', '{}', '')`

describe('a simulated database', () => {
  test('shows a statement what was committed before it, and what its own transaction changed', () => {
    const { database, run, rowsOf, begin } = open()
    const [first, second] = [begin(), begin()]
    run(first, insert, 'a')
    expect(rowsOf(first)).toMatchObject({ rows: [{ id: 'a' }] })
    expect(rowsOf(second)).toMatchObject({ rows: [] })
    run(second, insert, 'b')
    expect(rowsOf(first)).toMatchObject({ rows: [{ id: 'a' }] })
    database.commit(first)
    expect(rowsOf(second)).toMatchObject({ rows: [{ id: 'a' }, { id: 'b' }] })
    database.rollback(second)
    expect(database.look('select id from store')).toEqual([{ id: 'a' }])
  })

  test('lets a change of a row wait for another one, which it then sees', () => {
    const { database, run, begin } = open()
    const setup = begin()
    run(setup, insertJob, 'j')
    database.commit(setup)
    const start = `update "jobs" set "status" = 'running' where "id" = $1 and "status" = 'queued'`
    const [first, second] = [begin(), begin()]
    expect(run(first, start, 'j')).toMatchObject({ rowCount: 1 })
    expect(run(second, start, 'j')).toBe('waits')
    database.commit(first)
    expect(run(second, start, 'j')).toMatchObject({ rowCount: 0 })
  })

  test('lets the second of two equal keys wait, and refuses it or takes the other row', () => {
    const { database, run, begin } = open()
    const [first, second, third] = [begin(), begin(), begin()]
    run(first, insert, 'a')
    expect(run(second, insert, 'a')).toBe('waits')
    const unlessThere = `${insert} on conflict ("id") do nothing`
    expect(run(third, unlessThere, 'a')).toBe('waits')
    database.commit(first)
    expect(() => run(second, insert, 'a')).toThrow(expect.objectContaining({ code: '23505' }))
    expect(() => run(second, insert, 'b')).toThrow(expect.objectContaining({ code: '25P02' }))
    expect(database.commit(second)).toBe(false)
    expect(run(third, unlessThere, 'a')).toMatchObject({ rowCount: 0 })
  })

  test('ends one of two transactions that wait for each other', () => {
    const { database, run, begin } = open()
    const [first, second] = [begin(), begin()]
    run(first, 'select pg_advisory_xact_lock($1)', 1n)
    run(second, 'select pg_advisory_xact_lock($1)', 2n)
    expect(run(first, 'select pg_advisory_xact_lock($1)', 2n)).toBe('waits')
    expect(() => run(second, 'select pg_advisory_xact_lock($1)', 1n)).toThrow(
      expect.objectContaining({ code: '40P01' }),
    )
    database.rollback(second)
    expect(run(first, 'select pg_advisory_xact_lock($1)', 2n)).toMatchObject({ rowCount: 1 })
  })

  test('lets several hold a row, and none delete it meanwhile', () => {
    const { database, run, begin } = open()
    const setup = begin()
    run(setup, insertJob, 'j')
    database.commit(setup)
    const [first, second, third] = [begin(), begin(), begin()]
    const hold = 'select "id" from "jobs" where "id" = $1 for key share'
    expect(run(first, hold, 'j')).toMatchObject({ rowCount: 1 })
    expect(run(second, hold, 'j')).toMatchObject({ rowCount: 1 })
    expect(run(second, `update "jobs" set "status" = 'running' where "id" = $1`, 'j')).toMatchObject({ rowCount: 1 })
    expect(run(third, 'delete from "jobs" where "id" = $1', 'j')).toBe('waits')
  })

  test('never gives a number twice, also after a rollback', () => {
    const { database, commits, run, begin } = open()
    const event = `insert into "job_events" ("job_id", "type", "data") values ('j', 'log', '{}') returning "sequence"`
    const setup = begin()
    run(setup, insertJob, 'j')
    database.commit(setup)
    const [first, second, third] = [begin(), begin(), begin()]
    expect(run(first, event)).toMatchObject({ rows: [{ sequence: 1 }] })
    expect(run(second, event)).toMatchObject({ rows: [{ sequence: 2 }] })
    database.rollback(second)
    database.commit(first)
    expect(run(third, event)).toMatchObject({ rows: [{ sequence: 3 }] })
    database.commit(third)
    const inserted = commits.flatMap(({ changes }) => changes.filter(({ table }) => table === 'job_events'))
    expect(inserted.map(change => database.named(change).after)).toMatchObject([{ sequence: 1 }, { sequence: 3 }])
  })

  test('has a clock in milliseconds', () => {
    const { run, begin } = open()
    const clock = `(extract(epoch from clock_timestamp()) * 1000)::bigint`
    expect(run(begin(), `select ${clock} - 100 as "earlier"`)).toMatchObject({ rows: [{ earlier: 1_700_000_000_023 }] })
  })

  test('tells others at the commit, and nothing of a transaction that is rolled back', () => {
    const { database, told, run, begin } = open()
    const [first, second] = [begin(), begin()]
    run(first, 'select pg_notify($1, $2)', 'jobs', 'a')
    run(second, 'select pg_notify($1, $2)', 'jobs', 'b')
    expect(told).toEqual([])
    database.commit(first)
    database.rollback(second)
    expect(told).toEqual(['jobs a'])
  })
})
