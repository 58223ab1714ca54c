import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest'
import { TureenError } from '../../src/errors.ts'
import { createContents } from '../../src/storage/contents.ts'
import { openCatalog } from '../../src/storage/database.ts'
import { besideOutput } from '../../src/storage/file-names.ts'
import { createReserve } from '../../src/storage/reserve.ts'
import { type OpenContent, openContent } from '../support/open-content.ts'
import { temporaryDirectory } from '../support/server.ts'
import { mountSmallDisk } from '../support/small-disk.ts'

async function quarantineIn({ contentFiles, content }: OpenContent, bytes: number, fill: number): Promise<void> {
  const file = await contentFiles.receive(ReadableStream.from([Buffer.alloc(bytes, fill)]))
  await content.put([file])
  expect(await content.retire(file.sha256)).toBe(true)
}

describe('where the disk gets full while something is written', () => {
  let directory: Awaited<ReturnType<typeof temporaryDirectory>>
  let store: OpenContent
  let contentFiles: OpenContent['contentFiles']
  let quarantine: OpenContent['quarantine']
  beforeEach(async () => {
    directory = await temporaryDirectory()
    store = await openContent(directory.path)
    ;({ contentFiles, quarantine } = store)
    await quarantineIn(store, 100, 1)
    await quarantineIn(store, 200, 2)
  })
  afterEach(() => directory.remove())

  /** As a system says it, and as it comes out of a worker thread. */
  const full = [
    () => Object.assign(new Error('no space left'), { code: 'ENOSPC' }),
    () => Object.assign(new Error('database or disk is full'), { errcode: 13 }),
    () => TureenError.fromProblem({ code: 'TUREEN_STORE_FULL', detail: 'The disk is full.', errors: [] }),
  ]

  test.each(full)('the quarantine gives way, the oldest first, and the work is done again (%s)', async error => {
    const outputs: string[] = []
    const result = await contentFiles.withOutput(10, async output => {
      outputs.push(output)
      for (const file of [output, besideOutput(output, 0)]) await writeFile(file, 'half')
      for (const before of outputs.slice(0, -1))
        expect([before, besideOutput(before, 0)].map(existsSync)).toEqual([false, false])
      if (outputs.length === 1) throw error()
      return 'done'
    })
    expect(result).toBe('done')
    expect(new Set(outputs).size).toBe(2)
    expect(quarantine.holding()).toEqual({ files: 1, bytes: 200 })
    expect(outputs.map(existsSync)).toEqual([false, false])
  })

  test.each(full)('it ends with the error when nothing is left to give way (%s)', async error => {
    let runs = 0
    const failing = contentFiles.makeOutput(10, async () => {
      runs += 1
      throw error()
    })
    await expect(failing).rejects.toThrow(error().message)
    expect(runs).toBe(3)
    expect(quarantine.holding()).toEqual({ files: 0, bytes: 0 })
  })

  test('nothing gives way in vain: more is missing than the quarantine holds', async () => {
    const failing = contentFiles.withOutput(2 ** 62, async () => Promise.reject(full[0]?.()))
    await expect(failing).rejects.toMatchObject({ code: 'ENOSPC' })
    expect(quarantine.holding()).toEqual({ files: 2, bytes: 300 })
  })

  test('nothing gives way for other errors, or for the limit of the store', async () => {
    const { contentFiles: limited, quarantine } = await openContent(directory.path, 1000)
    await expect(limited.withOutput(5, async () => Promise.reject(new Error('other')))).rejects.toThrow('other')
    const tooMuch = limited.withOutput(5, async () => limited.withOutput(996, async () => 'done'))
    await expect(tooMuch).rejects.toMatchObject({ code: 'TUREEN_STORE_FULL' })
    expect(quarantine.holding()).toEqual({ files: 2, bytes: 300 })
  })

  test('the records of an upload find room in the catalog as well', async () => {
    const catalog = await openCatalog(`${directory.path}/catalog.sqlite`)
    const reserve = createReserve(directory.path, async () => undefined)
    const contents = createContents(catalog, store, reserve)
    const file = await contentFiles.receive(ReadableStream.from([Buffer.alloc(50, 3)]))
    let commits = 0
    const added = await contents.add([file], async () => {
      commits += 1
      if (commits === 1) throw full[1]?.()
      return 'added'
    })
    expect({ added, commits }).toEqual({ added: 'added', commits: 2 })
    expect(quarantine.holding().files).toBe(1)
    await catalog.destroy()
  })
})

const mounted = await mountSmallDisk(8 << 20)
afterAll(() => mounted?.remove())

test.skipIf(!mounted)(
  'a writer finds room in the quarantine although another one took what had been made',
  async () => {
    if (!mounted) throw new Error('there is no small disk')
    const store = await openContent(mounted.path)
    const { contentFiles } = store
    for (const fill of [1, 2, 3]) await quarantineIn(store, 2 << 20, fill)
    const bytes = 3 << 20
    let runs = 0
    await contentFiles.withOutput(bytes, async output => {
      runs += 1
      if (runs === 1) await mounted.fill()
      await writeFile(output, Buffer.alloc(bytes, 9))
    })
    expect(runs).toBe(2)
  },
)
