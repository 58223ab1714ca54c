import { createHash } from 'node:crypto'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createFlushQueue } from '../../src/storage/flush-queue.ts'
import { createFile, writeStream } from '../../src/storage/write-stream.ts'
import { scattered } from '../support/scattered.ts'

let directory = ''
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tureen-write-stream-'))
})
afterAll(() => rm(directory, { recursive: true }))

const content = new Uint8Array(scattered(1 << 20, 1, 7).buffer)

/** Yields copies of the first `bytes` bytes, because the writer takes the memory of its chunks. */
async function* chunksOf(bytes: number, size: number): AsyncGenerator<Uint8Array> {
  for (let from = 0; from < bytes; from += size) yield content.slice(from, Math.min(bytes, from + size))
}

/** Writes the first `bytes` bytes to a file, in chunks. @returns true if the file and its digest are those of the bytes */
async function isWritten(name: string, bytes: number, size: number): Promise<boolean> {
  const path = join(directory, name)
  const queue = createFlushQueue(async files => {
    for (const file of files) await createFile(file, () => 0)
  })
  const written = await writeStream(
    chunksOf(bytes, size),
    path,
    () => undefined,
    () => 0,
    queue,
  )
  await queue.end()
  const expected = content.subarray(0, bytes)
  const sha256 = `sha256:${createHash('sha256').update(expected).digest('hex')}`
  return written.sha256 === sha256 && written.bytes === bytes && Buffer.compare(await readFile(path), expected) === 0
}

const [long, longBuffer] = [1 << 20, 512 << 10]

test.each([
  0,
  1,
  (64 << 10) - 1,
  64 << 10,
  long - 1,
  long,
  long + 1,
  long + longBuffer,
  2 * long + (64 << 10),
  3 * long + 12_345,
])('a file of %i bytes holds what was sent, in chunks of any size', async bytes => {
  for (const size of [1_000, 64 << 10, 600_000, 4 << 20])
    expect(await isWritten(`${bytes}-${size}`, bytes, size), `chunks of ${size} bytes`).toBe(true)
})

test('so do more long files at a time than have large buffers', async () => {
  const names = Array.from({ length: 12 }, (_, index) => `at-once-${index}`)
  expect(await Promise.all(names.map(name => isWritten(name, 4 * long - name.length, 64 << 10)))).not.toContain(false)
})
