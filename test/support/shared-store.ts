import { ReadableStream } from 'node:stream/web'
import pino from 'pino'
import { insertModel } from '../../src/models/insert-model.ts'
import { modelRecords } from '../../src/models/model-records.ts'
import { type ServerHolds, startServerHolds } from '../../src/storage/cluster/server-holds.ts'
import { sharedClaims } from '../../src/storage/cluster/shared-claims.ts'
import type { ContentClaims } from '../../src/storage/content/content-claims.ts'
import type { ContentStore } from '../../src/storage/content/content-store.ts'
import { openS3Content } from '../../src/storage/content/s3/open-s3-content.ts'
import { createContents } from '../../src/storage/contents.ts'
import type { Catalog } from '../../src/storage/database.ts'
import { poolOf } from '../../src/storage/postgres/database-pool.ts'
import { catalogIn } from '../../src/storage/postgres/postgres-dialect.ts'
import { recordedContent } from '../../src/storage/recorded-content.ts'
import type { Reserve } from '../../src/storage/reserve.ts'
import { sha256OfFile } from '../../src/threads/hash-file.ts'
import { batchesHere } from './batches-here.ts'
import { newModel } from './new-records.ts'

/** A part of the work of a server, at which it may die. */
export type Step = 'put' | 'commit' | 'committed' | 'decided' | 'removed'

/** Runs at each step of a server, before it goes on. */
export type OnStep = (step: Step, server: SharingServer) => Promise<void>

/** The storage of one server that shares a store, without the server. */
export type SharingServer = {
  catalog: Catalog
  holds: ServerHolds
  claims: ContentClaims
  content: ContentStore
  contents: ReturnType<typeof createContents>
  /** Adds content with a record of its own. @returns the id of the record */
  add(text: string): Promise<string>
  remove(id: string): Promise<void>
  /** Ends all work where it is, like SIGKILL. Promises of that work never settle. */
  kill(): Promise<void>
  /** Resolves when the server is killed. */
  dead: Promise<void>
  close(): Promise<void>
}

const reserve: Reserve = {
  async lend(free, clear) {
    const freed = await free()
    await clear?.(freed)
    return freed
  },
  renew: async () => undefined,
}

const never = new Promise<never>(() => undefined)

/**
 * Opens what one more server has of a shared store.
 * @param url of the database, whose tables are there
 * @param directory of its own
 * @param silent milliseconds of silence after which it is dead for others
 * @param maximumBytes most bytes of the store; 0: no limit
 * @param onStep called at each step of its work
 */
export async function joinStore(
  url: string,
  bucket: string,
  directory: string,
  {
    silent,
    onStep = async () => undefined,
    maximumBytes = 0,
  }: { silent?: number; onStep?: OnStep; maximumBytes?: number } = {},
): Promise<SharingServer> {
  const catalog = catalogIn(poolOf(url, 10, () => undefined))
  const holds = await startServerHolds(catalog, pino({ level: 'silent' }), silent)
  const { claims, removeUnneeded } = sharedClaims(catalog, holds, maximumBytes)
  let isDead = false
  const { promise: dead, resolve: die } = Promise.withResolvers<void>()
  const at = async (step: Step) => {
    await onStep(step, server)
    if (isDead) await never
  }
  const { content, contentFiles, close } = await openS3Content(directory, {
    settings: { bucket, prefix: '', pathStyle: true, redirects: false, cacheBytes: 1 << 30 },
    maximumBytes,
    storedBytes: async () => (await recordedContent(catalog)).bytes,
    graceMilliseconds: 0,
    batches: batchesHere,
    hash: async path => sha256OfFile(path),
    onReceived: () => undefined,
    clock: Date.now,
    removeUnneeded: (sha256, remove) =>
      removeUnneeded(sha256, async removal => {
        await at('decided')
        const removed = await remove(removal)
        await at('removed')
        return removed
      }),
  })
  const contents = createContents(catalog, { content, contentFiles }, reserve, { claims, isChecked: true })
  const end = async () => {
    close()
    await holds.close()
  }
  const server: SharingServer = {
    catalog,
    holds,
    claims,
    dead,
    content,
    contents,
    async add(text) {
      await contentFiles.learnRoom()
      const file = await contentFiles.receive(ReadableStream.from([Buffer.from(text)]))
      await at('put')
      const model = { ...newModel(text), files: [{ location: '', sha256: file.sha256, bytes: file.bytes }] }
      return contents.add([file], async settle => {
        await at('commit')
        const id = await catalog.transaction().execute(async transaction => {
          await settle(transaction)
          return insertModel(transaction, model)
        })
        await at('committed')
        return id
      })
    },
    remove: id =>
      contents.release(async () => {
        const remove = (transaction: Catalog) => modelRecords.remove(transaction, id, () => undefined)
        const digests = await catalog.transaction().execute(remove)
        await at('committed')
        return digests
      }),
    async kill() {
      isDead = true
      die()
      await catalog.destroy()
      await end()
    },
    async close() {
      await end()
      await catalog.destroy()
    },
  }
  return server
}
