import { readSync, writeFileSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { asTureenError } from '../../src/errors.ts'
import { parseLimits } from '../../src/process-limits.ts'
import { createLazyFiles, openFilesOfThread } from '../../src/storage/file-descriptors.ts'
import { outOfMemory } from '../../src/threads/run-task.ts'
import { temporaryDirectory } from '../support/server.ts'

let directory: Awaited<ReturnType<typeof temporaryDirectory>>
beforeAll(async () => {
  directory = await temporaryDirectory()
})
afterAll(() => directory.remove())

const openNow = async () => (await readdir('/proc/self/fd')).length

describe.skipIf(process.platform !== 'linux')('files of a thread', () => {
  test('are read in any order, with as many open as may be', async () => {
    const files = createLazyFiles(3)
    const before = await openNow()
    const opened = Array.from({ length: 20 }, (_, index) => {
      const path = join(directory.path, `file${index}`)
      writeFileSync(path, `${index}`.padStart(4))
      return files.open(path)
    })
    const byte = Buffer.alloc(4)
    for (const index of [0, 19, 5, 5, 0, 7, 19, 1, 2, 3, 4, 0]) {
      readSync(opened[index]?.descriptor() ?? -1, byte, 0, 4, 0)
      expect(Number(String(byte))).toBe(index)
    }
    expect((await openNow()) - before).toBeLessThanOrEqual(3)
    for (const file of opened) file.close()
    expect(await openNow()).toBeLessThanOrEqual(before)
  })

  test('are fewer for each thread than the process may have open', () => {
    expect(openFilesOfThread(1024)).toBeLessThan(1024 - 256)
    expect(openFilesOfThread(64)).toBeGreaterThan(0)
  })
})

test('limits are read as Linux writes them', () => {
  const text = `Limit                     Soft Limit           Hard Limit           Units
Max open files            1024                 4096                 files
Max address space         unlimited            unlimited            bytes
`
  expect(parseLimits(text)).toEqual({ openFiles: 1024, addressSpaceBytes: undefined })
  expect(parseLimits(text.replace('unlimited            unl', '8589934592           unl'))).toMatchObject({
    addressSpaceBytes: 8_589_934_592,
  })
})

test('too many open files are a 503 that names the limit', () => {
  for (const error of [
    Object.assign(new Error('EMFILE: too many open files'), { code: 'EMFILE' }),
    Object.assign(new Error('Worker initialization failure: EMFILE'), { code: 'ERR_WORKER_INIT_FAILED' }),
  ])
    expect(asTureenError(error)).toMatchObject({
      code: 'TUREEN_TOO_MANY_FILES',
      status: 503,
      message: expect.stringMatching(/\d+ files.*`ulimit -n`/),
    })
})

test('a thread that runs out of memory blames the model only where the address space is not limited', () => {
  expect(outOfMemory(undefined)).toMatchObject({ code: 'TUREEN_MODEL_LIMIT', status: 422 })
  expect(outOfMemory(4_294_967_296)).toMatchObject({
    code: 'TUREEN_OUT_OF_MEMORY',
    status: 503,
    message: expect.stringContaining('4,294,967,296 bytes of address space (`ulimit -v`)'),
  })
})
