import { chmod, lstat, readFile, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { makeLinks, removeLinks } from '../../src/storage/own-links.ts'
import { temporaryDirectory } from '../support/server.ts'

let directory: Awaited<ReturnType<typeof temporaryDirectory>>
beforeEach(async () => {
  directory = await temporaryDirectory()
})
afterEach(() => directory.remove())

test('a file that the store reads in place is copied: it gets no second name and no other permissions', async () => {
  const source = join(directory.path, 'model.onnx')
  const content = join(directory.path, 'content')
  const name = join(directory.path, 'link')
  await writeFile(source, 'bytes')
  await chmod(source, 0o600)
  await symlink(source, content)
  await makeLinks([{ path: content, link: name }])
  expect((await lstat(name)).isFile()).toBe(true)
  expect(await readFile(name, 'utf8')).toBe('bytes')
  expect(await stat(source)).toMatchObject({ nlink: 1, mode: 0o100600 })
  await removeLinks([{ path: content, link: name }])
  expect(await readFile(source, 'utf8')).toBe('bytes')
})
