import { appendFileSync, readFileSync } from 'node:fs'
import { lstat, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { ContentFiles } from '../../src/storage/content/content-files.ts'
import { createLocalFiles } from '../../src/storage/local-files.ts'
import type { HashFile } from '../../src/storage/sound-files.ts'
import { sha256 } from '../support/http-client.ts'
import { temporaryDirectory } from '../support/server.ts'

const { signal } = new AbortController()
let directory: Awaited<ReturnType<typeof temporaryDirectory>>
let source: string
let incoming: string
beforeEach(async () => {
  directory = await temporaryDirectory()
  source = join(directory.path, 'model.onnx')
  incoming = join(directory.path, 'incoming')
  await mkdir(incoming)
  await writeFile(source, 'first')
})
afterEach(() => directory.remove())

const hashFile: HashFile = async path => ({ sha256: `sha256:${sha256(readFileSync(path))}` })

/** Unfinished files whose disk may be full. */
function contentFiles(isFull = false): Pick<ContentFiles, 'incomingPath' | 'makeOutput'> {
  let count = 0
  const incomingPath = () => {
    count += 1
    return join(incoming, String(count))
  }
  return {
    incomingPath,
    async makeOutput(_, make) {
      if (isFull) throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' })
      return make(incomingPath())
    },
  }
}

const adopt = (inPlace: boolean, { hash = hashFile, isFull = false } = {}) =>
  createLocalFiles(contentFiles(isFull), hash, true).adopt(source, inPlace, signal)

test('a copy is a file of its own, with the digest of its bytes', async () => {
  const { path, ...file } = await adopt(false)
  expect(file).toEqual({ sha256: `sha256:${sha256(Buffer.from('first'))}`, bytes: 5 })
  const copy = await lstat(path)
  expect(copy.isFile()).toBe(true)
  expect(copy.ino).not.toBe((await stat(source)).ino)
  expect(copy.mode & 0o777).toBe(0o600)
})

test('a file in place needs no room, and no second name of its inode', async () => {
  const { path } = await adopt(true, { isFull: true })
  expect((await lstat(path)).isSymbolicLink()).toBe(true)
  expect(await readFile(path, 'utf8')).toBe('first')
  expect((await stat(source)).nlink).toBe(1)
})

test('a full disk refuses a copy', async () => {
  await expect(adopt(false, { isFull: true })).rejects.toMatchObject({ code: 'ENOSPC' })
})

describe('a refused file leaves nothing', () => {
  test('if somebody writes to it while it is hashed', async () => {
    const hash: HashFile = async (path, ...rest) => {
      const found = await hashFile(path, ...rest)
      if (path === source) appendFileSync(source, ', and more')
      return found
    }
    await expect(adopt(true, { hash, isFull: true })).rejects.toMatchObject({
      code: 'TUREEN_REQUEST_INVALID',
      message: expect.stringMatching(/changed while it was read/),
    })
    expect(await readdir(incoming)).toEqual([])
  })

  test('if somebody writes to it while it is copied', async () => {
    const files: Pick<ContentFiles, 'incomingPath' | 'makeOutput'> = {
      ...contentFiles(),
      async makeOutput(_, make) {
        appendFileSync(source, ', and more')
        return make(join(incoming, '1'))
      },
    }
    const adopted = createLocalFiles(files, hashFile, true).adopt(source, false, signal)
    await expect(adopted).rejects.toMatchObject({ message: expect.stringMatching(/changed while it was read/) })
  })

  test('if it cannot be read', async () => {
    const hash: HashFile = async () => ({ unreadable: 'EACCES' })
    await expect(adopt(true, { hash, isFull: true })).rejects.toMatchObject({
      message: expect.stringMatching(/cannot be read \(EACCES\)/),
    })
    expect(await readdir(incoming)).toEqual([])
  })
})
