import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type FaultyServer, startFaultyServer } from '../support/faults/faulty-server.ts'
import type { Fault } from '../support/faults/protocol.ts'
import { type StoreUnderFaults, storeUnderFaults } from '../support/faults/store-under-faults.ts'
import { temporaryDirectory } from '../support/server.ts'

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

/** A loop over the calls of an action that has no end would be one over calls that it makes for ever. */
const mostCalls = 60

/** Fails the first call of a kind that an action makes, then the second, and so on until it makes none that fails. */
async function failEveryCall(action: () => Promise<string>, kind: Fault['kind'], mode: Fault['mode']) {
  const endings: string[] = []
  for (let at = 1; at <= mostCalls; at += 1) {
    const { result, report } = await server.during({ kind, at, mode }, action)
    await store.expectIntact()
    if (report.fired === 0) {
      expect(result).toBe('done')
      return endings
    }
    endings.push(result)
  }
  throw new Error(`the action makes more than ${mostCalls} calls of ${kind}`)
}

const actions = [
  'upload',
  'upload of several files',
  'upload of a data set',
  'merge',
  'one-shot soup',
  'evaluation',
  'deletion',
  'download',
]
const kinds: Fault['kind'][] = ['open', 'write', 'fsync', 'rename', 'mkdir', 'read', 'catalog']

describe.each(actions)('%s', action => {
  test('with every call failing in its turn loses nothing, shows nothing half, and says what failed', async ({
    annotate,
  }) => {
    const run = store.actions[action]
    if (!run) throw new Error(`there is no ${action}`)
    const failures: string[] = []
    for (const kind of kinds) {
      for (const mode of ['EIO', 'ENOSPC'] as const) {
        if (kind === 'read' && mode === 'ENOSPC') continue
        const endings = await failEveryCall(run, kind, mode)
        failures.push(...endings.map(ending => `${kind} ${mode}: ${ending}`))
      }
    }
    await annotate(failures.join(', '))
    for (const failure of failures)
      expect(failure).toMatch(
        /EIO: (done|cut off|(500 )?TUREEN_(STORE_FAILED|CONTENT_DAMAGED))$|ENOSPC: (done|cut off|(507 )?TUREEN_STORE_FULL)$/,
      )
  })

  test('with all writes and reads done by halves comes out right', async () => {
    for (const kind of ['write', 'read'] as const) {
      const run = store.actions[action]
      const { result } = await server.during({ kind, at: 0, mode: 'short' }, async () => run?.())
      expect(result).toBe('done')
      await store.expectIntact()
    }
  })
})

test('after a kill and a restart everything acknowledged is there, and nothing else', async () => {
  await server.kill()
  server = await startFaultyServer(directory.path)
  await store.expectIntact(server.url)
})
