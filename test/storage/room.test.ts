import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { ContentFiles } from '../../src/storage/content/content-files.ts'
import type { ContentStore } from '../../src/storage/content/content-store.ts'
import type { Quarantine } from '../../src/storage/content/quarantine.ts'
import type { FileBatches } from '../../src/storage/file-batches.ts'
import type { FlushQueue } from '../../src/storage/flush-queue.ts'
import type { ReceivedFile } from '../../src/storage/received-file.ts'
import { maximumReservation } from '../../src/storage/room.ts'
import { batchesHere } from '../support/batches-here.ts'
import { openContent } from '../support/open-content.ts'
import { otherFileSystem } from '../support/other-file-system.ts'
import { temporaryDirectory } from '../support/server.ts'

const limit = 1000

let directory: Awaited<ReturnType<typeof temporaryDirectory>>
let contentFiles: ContentFiles
let content: ContentStore
let quarantine: Quarantine
beforeEach(async () => {
  directory = await temporaryDirectory()
  await open()
})
afterEach(() => directory.remove())

async function open(options: Parameters<typeof openContent>[2] = {}): Promise<void> {
  ;({ contentFiles, content, quarantine } = await openContent(directory.path, limit, options))
}

async function* bytes(count: number, fill = 0) {
  for (let rest = count; rest > 0; rest -= 100) yield Buffer.alloc(Math.min(rest, 100), fill)
}

async function keep(count: number, fill: number): Promise<string> {
  const file = await contentFiles.receive(bytes(count, fill))
  await content.put([file])
  return file.sha256
}

/** How many bytes still fit, found by asking. */
function free(of: ContentFiles = contentFiles): number {
  for (let count = 0; count <= limit; count += 1) {
    try {
      of.reserveRoom(count + 1).release()
    } catch {
      return count
    }
  }
  throw new Error('there is no limit')
}

const full = { code: 'TUREEN_STORE_FULL' }

test('content counts once, and no longer when it is gone', async () => {
  const first = await keep(400, 1)
  expect(free()).toBe(600)
  await keep(400, 1)
  expect(free()).toBe(600)
  await keep(500, 2)
  expect(free()).toBe(100)
  await content.remove(first)
  await content.remove(first)
  expect(free()).toBe(500)
})

test('what is being received counts as it comes, and is refused and removed where it goes beyond', async () => {
  const { path } = await contentFiles.receive(bytes(limit))
  expect(free()).toBe(0)
  await contentFiles.discard(path)
  expect(free()).toBe(limit)
  await expect(contentFiles.receive(bytes(limit + 1))).rejects.toMatchObject(full)
  expect(free()).toBe(limit)
})

test('two that are received side by side have one room', async () => {
  const outcomes = await Promise.allSettled([contentFiles.receive(bytes(600, 1)), contentFiles.receive(bytes(600, 2))])
  const refused = outcomes.filter(({ status }) => status === 'rejected')
  expect(refused.length).toBeGreaterThan(0)
  for (const outcome of refused) expect(outcome).toMatchObject({ reason: full })
})

test('an upload that announced its length has its room, whoever else comes, and leaves none behind', async () => {
  const reservation = contentFiles.reserveRoom(700)
  expect(free()).toBe(300)
  expect(() => contentFiles.reserveRoom(301)).toThrow(/do not fit/)
  const [first] = await Promise.all([
    contentFiles.receive(bytes(600, 1), reservation),
    expect(contentFiles.receive(bytes(400, 2))).rejects.toMatchObject(full),
  ])
  expect(free()).toBe(300)
  await expect(contentFiles.receive(bytes(500, 3), reservation)).rejects.toMatchObject(full)
  reservation.release()
  reservation.release()
  expect(free()).toBe(400)
  await contentFiles.discard(first.path)
  expect(free()).toBe(limit)
})

test('a reservation is of 8 MiB at most, and is refused if all that is announced does not fit', async () => {
  const { contentFiles: roomy } = await openContent(directory.path, 5 * maximumReservation)
  const large = roomy.reserveRoom(4 * maximumReservation)
  expect(() => roomy.reserveRoom(4 * maximumReservation + 1)).toThrow(/do not fit/)
  roomy.reserveRoom(4 * maximumReservation).release()
  large.release()
  roomy.reserveRoom(5 * maximumReservation).release()
})

test('what will be written is refused before anything is, and makes room again whatever becomes of it', async () => {
  await keep(400, 1)
  let ran = false
  const use = async () => {
    ran = true
  }
  await expect(contentFiles.withOutput(601, use)).rejects.toMatchObject(full)
  expect(ran).toBe(false)
  await contentFiles.withOutput(600, async output => {
    expect(free()).toBe(0)
    await writeFile(output, 'x')
  })
  expect(free()).toBe(600)
  await expect(contentFiles.withOutput(600, () => Promise.reject(new Error('failed')))).rejects.toThrow('failed')
  expect(free()).toBe(600)
})

test('a result counts with the bytes that it has in the end, and is refused if it outgrew the room', async () => {
  for (const [written, isKept] of [
    [700, true],
    [1100, false],
  ] as const) {
    const bytes = Buffer.alloc(written, written)
    const sha256 = `sha256:${createHash('sha256').update(bytes).digest('hex')}`
    const publish = contentFiles.withOutput(10, async output => {
      await writeFile(output, bytes)
      await content.put([{ path: output, sha256, bytes: written }])
    })
    if (isKept) await publish
    else await expect(publish).rejects.toMatchObject(full)
    const there = await stat(content.path(sha256)).then(
      () => true,
      () => false,
    )
    expect({ written, there }).toEqual({ written, there: isKept })
    expect(free()).toBe(300)
  }
})

test('a file that cannot become content takes no room once it is discarded', async context => {
  const other = otherFileSystem(directory.path)
  if (!other) return context.skip('there is no other file system')
  try {
    // A file of another file system cannot be renamed into the store.
    const path = join(other.path, 'file')
    await writeFile(path, Buffer.alloc(400))
    const file = { path, sha256: `sha256:${'0'.repeat(64)}`, bytes: 400 }
    await expect(content.put([file])).rejects.toMatchObject({ code: 'EXDEV' })
    await contentFiles.discard(path)
    expect(free()).toBe(limit)
  } finally {
    other.remove()
  }
})

test('a store that is opened again counts what is there, but for what an earlier process left behind', async () => {
  await keep(300, 1)
  await keep(200, 2)
  await contentFiles.receive(bytes(100, 3))
  const { contentFiles: again } = await openContent(directory.path, limit)
  expect(free(again)).toBe(500)
  const making = await again.receive(bytes(50, 4))
  expect(await again.removeLeftovers()).toHaveLength(1)
  expect(free(again)).toBe(450)
  expect(await stat(making.path)).toMatchObject({ size: 50 })
})

test('the quarantine counts, and its oldest files go where room is needed, none in vain', async () => {
  let now = Date.parse('2026-01-01T00:00:00Z')
  await open({ clock: () => now })
  const old = await keep(300, 1)
  const young = await keep(400, 2)
  for (const sha256 of [old, young]) {
    now += 1000
    expect(await content.retire(sha256)).toBe(true)
  }
  expect(quarantine.holding()).toEqual({ files: 2, bytes: 700 })
  expect(() => contentFiles.reserveRoom(limit + 1)).toThrow(/do not fit/)
  await open({ clock: () => now })
  expect(quarantine.holding()).toEqual({ files: 2, bytes: 700 })
  await contentFiles.receive(bytes(500, 4))
  expect(quarantine.holding()).toEqual({ files: 1, bytes: 400 })
  expect(await quarantine.end(now)).toEqual([])
  expect(await quarantine.end(now + 1)).toEqual([young])
  expect(quarantine.holding()).toEqual({ files: 0, bytes: 0 })
  expect(free()).toBe(500)
})

test('content takes the place of the same bytes in the quarantine', async () => {
  const sha256 = await keep(300, 1)
  await content.retire(sha256)
  expect(existsSync(content.path(sha256))).toBe(false)
  await keep(300, 1)
  expect(existsSync(content.path(sha256))).toBe(true)
  expect(quarantine.holding()).toEqual({ files: 0, bytes: 0 })
  expect(free()).toBe(700)
})

test('without a limit everything fits', async () => {
  const { contentFiles: roomy } = await openContent(directory.path)
  expect(() => roomy.reserveRoom(2 ** 50)).not.toThrow()
})

test('small files of one upload with the same content are one file, and take its room once', async () => {
  const before = new Map<string, ReceivedFile>()
  const files: ReceivedFile[] = []
  for (let index = 0; index < 20; index += 1) {
    const file = await contentFiles.receive(bytes(400), undefined, undefined, before)
    before.set(file.sha256, file)
    files.push(file)
  }
  const incoming = () => readdir(join(directory.path, 'incoming'))
  expect(await incoming()).toHaveLength(1)
  expect(free()).toBe(600)
  await content.put(files)
  expect(await incoming()).toEqual([])
  expect(free()).toBe(600)
  expect((await stat(content.path(String(files[0]?.sha256)))).size).toBe(400)
})

/** Receives `count` different files of 10 bytes as one upload. */
async function receiveMany(into: ContentFiles, count: number): Promise<ReceivedFile[]> {
  const [queue, files]: [FlushQueue, ReceivedFile[]] = [into.openQueue(), []]
  for (let index = 0; index < count; index += 1) files.push(await into.receive(bytes(10, index), undefined, queue))
  await queue.end()
  return files
}

test('many small files of one upload take their room once, also those that the store has', async () => {
  await keep(10, 7)
  const files = await receiveMany(contentFiles, 60)
  expect(free()).toBe(990 - 600)
  await content.put(files)
  expect(free()).toBe(400)
  // Known to be sound without being read again.
  for (const { sha256 } of files) expect(await content.damage(sha256, AbortSignal.any([]))).toBeNull()
})

test('where the disk is full for a batch of files, the quarantine gives way', async () => {
  let full = 0
  const create: FileBatches['create'] = async () => {
    full += 1
    throw Object.assign(new Error('no space left'), { code: 'ENOSPC' })
  }
  await open({ batches: { ...batchesHere, create } })
  const files = await receiveMany(contentFiles, 60)
  expect(full).toBeGreaterThan(0)
  for (const { path } of files) expect((await stat(path)).size).toBe(10)
})
