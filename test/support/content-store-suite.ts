import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { ContentFiles } from '../../src/storage/content/content-files.ts'
import { ContentGone, type ContentStore } from '../../src/storage/content/content-store.ts'
import { seededRandom } from './random.ts'
import { until } from './store-client.ts'

/** A new, empty store for one test. */
export type StoreUnderTest = {
  content: ContentStore
  contentFiles: Pick<ContentFiles, 'receive'>
  close(): Promise<void>
}

const never = AbortSignal.any([])

/** Tests that every {@link ContentStore} must pass. @param open opens an empty store */
export function describeContentStore(name: string, open: () => Promise<StoreUnderTest>): void {
  describe(`content in ${name}`, () => {
    let store: StoreUnderTest
    let content: ContentStore
    beforeEach(async () => {
      store = await open()
      content = store.content
    })
    afterEach(async () => {
      expect(content.leases(), 'leases that nobody released').toBe(0)
      await store.close()
    })

    const receive = (bytes: Uint8Array) => store.contentFiles.receive(ReadableStream.from([Uint8Array.from(bytes)]))
    const put = async (bytes: Uint8Array) => {
      const file = await receive(bytes)
      await content.put([file])
      return file.sha256
    }
    const read = async (sha256: string, start: number, length: number) => {
      const pieces: Buffer[] = []
      for await (const piece of content.read(sha256, { start, length })) pieces.push(Buffer.from(piece))
      return Buffer.concat(pieces)
    }
    const listed = async () => (await Array.fromAsync(content.list())).sort()
    const isThere = async (sha256: string) => {
      try {
        const { release } = await content.lease(sha256, never)
        release()
        return true
      } catch (error) {
        expect(error).toBeInstanceOf(ContentGone)
        return false
      }
    }

    test('content has the digest of its bytes, and is read whole or in ranges', async () => {
      const bytes = Buffer.from(Uint8Array.from({ length: 200_000 }, (_, index) => (index * 7 + (index >> 8)) % 251))
      const sha256 = await put(bytes)
      expect(sha256).toBe(`sha256:${createHash('sha256').update(bytes).digest('hex')}`)
      expect(await read(sha256, 0, bytes.length)).toEqual(bytes)
      expect(await read(sha256, 65_000, 70_000)).toEqual(bytes.subarray(65_000, 135_000))
      expect(await read(sha256, 199_999, 1)).toEqual(bytes.subarray(199_999))
      expect(await listed()).toEqual([sha256])
    })

    test('empty content is content', async () => {
      const sha256 = await put(Buffer.alloc(0))
      expect(await read(sha256, 0, 0)).toEqual(Buffer.alloc(0))
      const lease = await content.lease(sha256, never)
      expect(await readFile(lease.path)).toEqual(Buffer.alloc(0))
      lease.release()
    })

    test('a lease is a local file with the bytes, and lies where the store says', async () => {
      const sha256 = await put(Buffer.from('leased'))
      const lease = await content.lease(sha256, never)
      expect(lease.path).toBe(content.path(sha256))
      expect(content.digestAt(lease.path)).toBe(sha256)
      expect(await readFile(lease.path, 'utf8')).toBe('leased')
      expect(await content.damage(sha256, never)).toBeNull()
      expect(content.leases()).toBe(1)
      lease.release()
      lease.release()
      expect(content.leases()).toBe(0)
    })

    test('received bytes are no content before they are put', async () => {
      const { sha256 } = await receive(Buffer.from('received'))
      expect(await listed()).toEqual([])
      expect(await isThere(sha256)).toBe(false)
    })

    test('the same bytes are one content, however often and however close together they are put', async () => {
      const files = await Promise.all(Array.from({ length: 8 }, () => receive(Buffer.from('same'))))
      const [first, ...others] = files
      if (!first) throw new Error('no file was received')
      await Promise.all([content.put(files.slice(0, 3)), ...others.slice(2).map(file => content.put([file]))])
      expect(files.map(({ path }) => existsSync(path))).toEqual(files.map(() => false))
      expect(await listed()).toEqual([first.sha256])
      expect(await read(first.sha256, 0, 4)).toEqual(Buffer.from('same'))
    })

    test('without the content, leases and reads say so, and a removal does nothing', async () => {
      const missing = `sha256:${'0'.repeat(64)}`
      await expect(content.lease(missing, never)).rejects.toBeInstanceOf(ContentGone)
      await expect(read(missing, 0, 1)).rejects.toBeInstanceOf(ContentGone)
      await content.remove(missing)
      expect(await content.retire(missing)).toBe(false)
    })

    test('removed content is gone', async () => {
      const sha256 = await put(Buffer.from('removed'))
      const other = await put(Buffer.from('other'))
      await content.remove(sha256)
      expect(await listed()).toEqual([other])
      expect(await isThere(sha256)).toBe(false)
      await expect(read(sha256, 0, 7)).rejects.toBeInstanceOf(ContentGone)
    })

    test('a lease outlives a removal, and nobody else gets one', async () => {
      const sha256 = await put(Buffer.from('in use'))
      const leases = [await content.lease(sha256, never), await content.lease(sha256, never)]
      await content.remove(sha256)
      expect(await isThere(sha256)).toBe(false)
      leases[0]?.release()
      expect(await readFile(content.path(sha256), 'utf8')).toBe('in use')
      leases[1]?.release()
      await until('the file is removed', async () => !existsSync(content.path(sha256)))
      expect(await listed()).toEqual([])
    })

    test('content that is put again while its removal waits stays', async () => {
      const sha256 = await put(Buffer.from('again'))
      const lease = await content.lease(sha256, never)
      await content.remove(sha256)
      await put(Buffer.from('again'))
      lease.release()
      expect(await isThere(sha256)).toBe(true)
      expect(await listed()).toEqual([sha256])
    })

    test('the last of many puts and removals at a time decides', async () => {
      const random = seededRandom(7)
      const bytes = Buffer.from('contested')
      const { sha256 } = await receive(bytes)
      for (let round = 0; round < 20; round += 1) {
        const files = await Promise.all(Array.from({ length: 6 }, () => receive(bytes)))
        let last = 'put'
        const running = files.map(file => {
          last = random.next() < 0.5 ? 'put' : 'remove'
          return last === 'put' ? content.put([file]) : content.remove(sha256)
        })
        await Promise.all(running)
        expect({ round, there: await isThere(sha256) }).toEqual({ round, there: last === 'put' })
      }
    })

    test('content in use is not retired, other content is', async () => {
      const sha256 = await put(Buffer.from('retired'))
      const lease = await content.lease(sha256, never)
      expect(await content.retire(sha256)).toBe(false)
      lease.release()
      expect(await content.retire(sha256)).toBe(true)
      expect(await listed()).toEqual([])
      expect(await isThere(sha256)).toBe(false)
      await put(Buffer.from('retired'))
      expect(await listed()).toEqual([sha256])
    })

    test('a reader that stops holds nothing any more', async () => {
      const sha256 = await put(Buffer.alloc(1 << 20, 3))
      for await (const piece of content.read(sha256, { start: 0, length: 1 << 20 })) {
        expect(piece[0]).toBe(3)
        break
      }
      expect(content.leases()).toBe(0)
    })
  })
}
