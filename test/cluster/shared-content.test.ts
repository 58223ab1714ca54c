import { mkdtemp } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, expect, inject, test } from 'vitest'
import { asTureenError } from '../../src/errors.ts'
import { bringUpToDate, type Catalog } from '../../src/storage/database.ts'
import { poolOf } from '../../src/storage/postgres/database-pool.ts'
import { catalogIn } from '../../src/storage/postgres/postgres-dialect.ts'
import { createDatabase, dropDatabase } from '../support/postgres.ts'
import { runSeed, seededRandom } from '../support/random.ts'
import { type S3Server, startS3 } from '../support/s3.ts'
import { temporaryDirectory } from '../support/server.ts'
import { joinStore, type OnStep, type SharingServer, type Step } from '../support/shared-store.ts'
import { until } from '../support/store-client.ts'

let s3: S3Server
let url: string
let catalog: Catalog
let directory: Awaited<ReturnType<typeof temporaryDirectory>>
let bucket: string
beforeAll(async () => {
  s3 = await startS3()
  Object.assign(process.env, s3.variables)
}, 240_000)
afterAll(async () => {
  for (const name of Object.keys(s3.variables)) delete process.env[name]
  await s3.remove()
})
beforeEach(async () => {
  url = await createDatabase(inject('postgres') ?? '')
  catalog = catalogIn(poolOf(url, 2, () => undefined))
  await bringUpToDate(catalog, 'store')
  bucket = await s3.createBucket()
  directory = await temporaryDirectory()
})
afterEach(async () => {
  await catalog.destroy()
  await dropDatabase(url)
  await directory.remove()
})

const never = AbortSignal.any([])
const open = async (options?: Parameters<typeof joinStore>[3]) =>
  joinStore(url, bucket, await mkdtemp(join(directory.path, 'server-')), options)
/** Milliseconds after which a killed server is dead for the others. */
const silent = 4000

const recorded = async () => {
  const rows = await catalog.selectFrom('model_files').select('sha256').distinct().execute()
  return rows.map(({ sha256 }) => sha256).sort()
}
const objects = async ([server]: readonly SharingServer[]) => {
  if (!server) throw new Error('no server is left')
  return (await Array.fromAsync(server.content.list())).sort()
}
const count = async (table: 'servers' | 'server_holds') =>
  (await catalog.selectFrom(table).selectAll().execute()).length

test(`every record has its content after additions, deletions and deaths of several servers at once, seed ${runSeed}`, async () => {
  const random = seededRandom(runSeed)
  const texts = ['a', 'b']
  /** The steps at which servers die, each once. */
  const deaths: Step[] = random.shuffled(['put', 'commit', 'committed', 'decided', 'removed'])
  const died: Step[] = []
  let steps = 0
  const onStep: OnStep = async (step, server) => {
    steps += 1
    // Lets the work of other servers come in between.
    await delay(random.next() * 30)
    if (steps < 30 * (died.length + 1) || step !== deaths[0]) return
    deaths.shift()
    died.push(step)
    servers = servers.filter(other => other !== server)
    void server.kill()
    joining.push(enter())
  }
  let servers: SharingServer[] = []
  const enter = async () => void servers.push(await open({ silent, onStep }))
  const joining = [enter(), enter(), enter()]
  await Promise.all(joining)

  const failures = new Set<string>()
  const act = async () => {
    const server = random.pick(servers)
    const rows = await catalog.selectFrom('models').select('id').execute()
    const removes = rows.length > 1 || (rows.length > 0 && random.next() < 0.5)
    const work = removes ? server.remove(random.pick(rows).id) : server.add(random.pick(texts))
    await Promise.race([work, server.dead])
  }
  for (let round = 0; round < 60 || deaths.length > 0; round += 1) {
    expect(round, `no server died at the steps ${deaths}`).toBeLessThan(1000)
    const acts = Array.from({ length: 6 }, () => act().catch(error => failures.add(asTureenError(error).code)))
    await Promise.all(acts)
    await Promise.all(joining)
    const needed = await recorded()
    expect(await objects(servers), `round ${round}`).toEqual(expect.arrayContaining(needed))
  }
  await until('the killed servers are dead for the others', async () => (await count('servers')) === servers.length)
  await until('nothing is held any more', async () => (await count('server_holds')) === 0)
  await servers[0]?.contents.sweep(never)
  expect(await objects(servers)).toEqual(await recorded())
  // A model that another server has just deleted is not found.
  expect([...failures].filter(code => code !== 'TUREEN_NOT_FOUND')).toEqual([])
  for (const each of servers) await each.close()
})

/** A step at which a server stands still until it may go on. */
function standing(at: Step) {
  const [reached, goOn] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const onStep: OnStep = async step => {
    if (step !== at) return
    reached.resolve()
    await goOn.promise
  }
  return { onStep, reached: reached.promise, goOn: goOn.resolve }
}

test('content that another server is adding stays when its last record goes', async () => {
  const { onStep, reached, goOn } = standing('commit')
  const [adding, removing] = [await open({ onStep }), await open()]
  const old = await removing.add('added twice')
  const added = adding.add('added twice')
  await reached
  await removing.remove(old)
  await removing.contents.sweep(never)
  goOn()
  await added
  expect(await objects([removing])).toEqual(await recorded())
  await adding.remove(await added)
  expect(await objects([removing])).toEqual([])
  for (const each of [adding, removing]) await each.close()
})

test('an addition waits while another server removes the same content, and also while that server may be dead', async () => {
  for (const end of ['goes on', 'dies'] as const) {
    const { onStep, reached, goOn } = standing('decided')
    const [removing, adding] = [await open({ onStep, silent }), await open({ silent })]
    const removed = removing.remove(await adding.add('removed and added'))
    await reached
    let isAdded = false
    const added = adding.add('removed and added').finally(() => {
      isAdded = true
    })
    await until('the addition has its claim', async () => (await count('server_holds')) === 2)
    await delay(silent / 4)
    expect(isAdded).toBe(false)
    if (end === 'dies') await removing.kill()
    goOn()
    if (end === 'goes on') await removed
    await added
    expect(await objects([adding])).toEqual(await recorded())
    await adding.remove(await added)
    if (end === 'goes on') await removing.close()
    await adding.close()
  }
})

test('a server that others took for dead adds no record, and leaves no content', async () => {
  const { onStep, reached, goOn } = standing('commit')
  const [silenced, other] = [await open({ onStep }), await open()]
  const added = silenced.add('too late').catch(asTureenError)
  await reached
  await catalog.deleteFrom('servers').where('id', '=', silenced.holds.serverId).execute()
  goOn()
  expect(await added).toMatchObject({ code: 'TUREEN_CATALOG_UNAVAILABLE' })
  expect(await recorded()).toEqual([])
  expect(await objects([other])).toEqual([])
  for (const each of [silenced, other]) await each.close()
})

test('a server that others may take for dead meanwhile removes no content', async () => {
  const { onStep, reached, goOn } = standing('decided')
  const [removing, other] = [await open({ onStep, silent }), await open({ silent })]
  const id = await removing.add('kept')
  const removed = removing.remove(id)
  await reached
  await removing.catalog.destroy()
  await until('the server has given no sign of life for long', () => !removing.holds.isSure())
  goOn()
  await removed
  expect(await objects([other])).toHaveLength(1)
  for (const each of [removing, other]) await each.close()
})

test('of additions that race on two servers for the last room as many are taken as fit, and room is free again', async () => {
  const [fitting, size] = [7, 1000]
  const maximumBytes = fitting * size + size / 2
  const servers = [await open({ maximumBytes }), await open({ maximumBytes })]
  const add = async (index: number) => servers[index % 2]?.add(String(index).padEnd(size, ' '))
  const indexes = Array.from({ length: 30 }, (_, index) => index)
  const outcomes = await Promise.allSettled(indexes.map(add))
  const taken = indexes.filter(index => outcomes[index]?.status === 'fulfilled')
  expect(taken).toHaveLength(fitting)
  for (const outcome of outcomes)
    if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ code: 'TUREEN_STORE_FULL' })
  expect(await objects(servers)).toEqual(await recorded())
  // Only new content takes room.
  const [there = ''] = await recorded()
  for (const each of servers) {
    const claim = await each.claims.claim([{ sha256: there, bytes: size }])
    await claim.end()
    const more = each.claims.claim([{ sha256: `sha256:${'0'.repeat(64)}`, bytes: size }])
    await expect(more).rejects.toMatchObject({ errors: [{ field: 'TUREEN_MAX_STORE_BYTES' }] })
  }
  const rows = await catalog.selectFrom('models').select('id').execute()
  for (const { id } of rows) await servers[0]?.remove(id)
  expect(await objects(servers)).toEqual([])
  await until('the other server knows of the room', () =>
    add(1).then(
      () => true,
      () => false,
    ),
  )
  for (const each of servers) await each.close()
})

test('a hold that is freed later stays until then, and after a close until its server is dead for the others', async () => {
  const [removing, other] = [await open({ silent }), await open({ silent })]
  const hold = () => removing.holds.decide((_, take) => take([{ kind: 'removal', name: 'sha256:late' }]))
  const began = performance.now()
  removing.holds.releaseLater(await hold(), 1_000)
  await until('it is free', async () => (await count('server_holds')) === 0)
  expect(performance.now() - began).toBeGreaterThan(1_000)
  removing.holds.releaseLater(await hold(), 60_000)
  await hold()
  await removing.close()
  expect(await count('server_holds')).toBe(1)
  const claim = await other.claims.claim([{ sha256: 'sha256:late', bytes: 1 }])
  expect(await count('servers')).toBe(1)
  await claim.end()
  await other.close()
})
