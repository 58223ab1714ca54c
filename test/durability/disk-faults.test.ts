import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type FaultyServer, startFaultyServer } from '../support/faults/faulty-server.ts'
import type { Fault } from '../support/faults/protocol.ts'
import { type StoreUnderFaults, storeUnderFaults } from '../support/faults/store-under-faults.ts'
import { linearModel } from '../support/onnx-model.ts'
import { temporaryDirectory } from '../support/server.ts'
import { digest } from '../support/soup.ts'

let directory: Awaited<ReturnType<typeof temporaryDirectory>>
let server: FaultyServer
let store: StoreUnderFaults

beforeAll(async () => {
  directory = await temporaryDirectory()
  server = await startFaultyServer(directory.path)
  store = await storeUnderFaults(server.url, directory.path)
})
afterAll(async () => {
  await server.kill()
  await directory.remove()
})

/**
 * A loop over the calls of an action that has no end would be one over calls that it makes for ever. A merge of two files makes 64 reads: it
 * indexes and verifies both, samples their matrices, and reads them.
 */
const mostCalls = 70

/** Every other failure says that the disk is full, where a full disk would stand in the way. */
const modeOf = (kind: Fault['kind'], at: number): Fault['mode'] => (kind === 'read' || at % 2 === 1 ? 'EIO' : 'ENOSPC')

/** Fails the first call of a kind that an action makes, then the second, and so on until it makes none that fails. */
async function failEveryCall(action: () => Promise<string>, kind: Fault['kind']): Promise<string[]> {
  const failures: string[] = []
  for (let at = 1; at <= mostCalls; at += 1) {
    const mode = modeOf(kind, at)
    const { result, report } = await server.during({ kind, at, mode }, action)
    await store.expectIntact()
    if (report.fired === 0) {
      expect(result).toBe('done')
      return failures
    }
    failures.push(`${kind} ${mode}: ${result}`)
  }
  throw new Error(`the action makes more than ${mostCalls} calls of ${kind}`)
}

const everyKind: Fault['kind'][] = ['open', 'write', 'fsync', 'rename', 'mkdir', 'read', 'catalog']
/** Actions of clients with the calls that they make; an evaluation's files are read by a process of its own. */
const actions: [string, Fault['kind'][]][] = [
  ['upload', everyKind],
  ['upload of several files', everyKind],
  ['upload of a data set', everyKind],
  ['merge', everyKind],
  ['one-shot soup', everyKind],
  ['evaluation', ['catalog']],
  ['deletion', everyKind],
  ['download', everyKind],
]

describe.each(actions)('%s', (action, kinds) => {
  test('with every call failing in its turn loses nothing, shows nothing half, and says what failed', async ({
    annotate,
  }) => {
    const run = store.actions[action]
    if (!run) throw new Error(`there is no ${action}`)
    const failures: string[] = []
    for (const kind of kinds) failures.push(...(await failEveryCall(run, kind)))
    await annotate(failures.join(', '))
    for (const failure of failures)
      expect(failure).toMatch(
        /EIO: (done|cut off|(500 )?TUREEN_(STORE_FAILED|CONTENT_DAMAGED))$|ENOSPC: (done|cut off|(507 )?TUREEN_STORE_FULL)$/,
      )
  }, 60_000)

  test('with all writes and reads done by halves comes out right', async () => {
    for (const kind of ['write', 'read'] as const) {
      if (!kinds.includes(kind)) continue
      const run = store.actions[action]
      const { result } = await server.during({ kind, at: 0, mode: 'short' }, async () => run?.())
      expect(result).toBe('done')
      await store.expectIntact()
    }
  })
})

test.each(['open', 'write', 'fsync', 'rename'] as const)(
  'an upload of many files of which one %s fails keeps nothing, and says so, or succeeds on a disk with room',
  async kind => {
    const endings: string[] = []
    // The first files are created one by one, the others in threads.
    for (const at of [1, 28])
      for (const mode of ['EIO', 'ENOSPC'] as const) {
        const { result, report } = await server.during({ kind, at, mode }, async () => {
          const run = store.actions['upload of many files']
          return run?.()
        })
        expect(report.fired).toBe(1)
        endings.push(`${mode}: ${result}`)
        await store.expectIntact()
      }
    for (const ending of endings)
      expect(ending).toMatch(/^(EIO: 500 TUREEN_STORE_FAILED|ENOSPC: (done|507 TUREEN_STORE_FULL))$/)
  },
)

test('a directory of content whose flush failed is flushed by the next upload, though it is there already', async () => {
  // One whose directory nothing else has been stored in.
  const shards = new Set(readdirSync(join(directory.path, 'content')))
  const body = Array.from({ length: 256 }, (_, index) => linearModel([0.123], [index])).find(
    bytes => !shards.has(digest(bytes).slice('sha256:'.length).slice(0, 2)),
  )
  if (!body) throw new Error('every directory is there already')
  const upload = async () => (await fetch(`${server.url}/v1/models`, { method: 'POST', body })).json()
  // The file itself, the directory of all shards, the shard.
  const failed = await server.during({ kind: 'fsync', at: 2, mode: 'EIO' }, upload)
  expect(failed).toMatchObject({ result: { code: 'TUREEN_STORE_FAILED' }, report: { fired: 1 } })
  const { result, report } = await server.during({ kind: 'fsync', at: 100, mode: 'EIO' }, upload)
  expect(report.seen.fsync).toBe(3)
  const { id } = Object(result)
  expect((await fetch(`${server.url}/v1/models/${id}`, { method: 'DELETE' })).status).toBe(204)
})

test('files that cannot be removed are in nobody’s way', async () => {
  for (const [action, run] of Object.entries(store.actions)) {
    const { result } = await server.during({ kind: 'unlink', at: 0, mode: 'EIO' }, run)
    expect(`${action}: ${result}`).toBe(`${action}: done`)
    await store.expectIntact(server.url, 'and leftovers')
  }
})

test('after a kill and a restart everything acknowledged is there, and nothing else', async () => {
  await server.kill()
  server = await startFaultyServer(directory.path)
  await store.expectIntact(server.url)
})
