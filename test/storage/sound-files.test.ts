import { chmodSync, mkdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { link } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { contentPath } from '../../src/storage/file-names.ts'
import { fileState } from '../../src/storage/file-state.ts'
import { noteLinks } from '../../src/storage/link-notes.ts'
import { makeLinks, removeLinks } from '../../src/storage/own-links.ts'
import { type SoundFiles, soundFiles } from '../../src/storage/sound-files.ts'
import { linkOrCopy } from '../../src/store-tools/link-or-copy.ts'
import { flipBit } from '../support/filled-store.ts'
import { sha256 } from '../support/http-client.ts'
import { temporaryDirectory } from '../support/server.ts'

/** Content of three files that are known to be sound, and how often they were hashed since. */
let directory: Awaited<ReturnType<typeof temporaryDirectory>>
let files: { path: string; digest: string }[]
let hashed: number
let sound: SoundFiles
let backups: number
beforeEach(async () => {
  directory = await temporaryDirectory()
  hashed = 0
  backups = 0
  sound = soundFiles(async path => {
    hashed += 1
    return { sha256: `sha256:${sha256(readFileSync(path))}` }
  })
  files = ['one', 'two', 'three'].map(text => {
    const digest = sha256(Buffer.from(text))
    const path = join(directory.path, 'content', contentPath(digest))
    mkdirSync(join(path, '..'), { recursive: true })
    writeFileSync(path, text)
    return { path, digest: `sha256:${digest}` }
  })
  for (const { path } of files) sound.trust(path, await fileState(path))
})
afterEach(() => directory.remove())

const check = async () =>
  Promise.all(files.map(({ path, digest }) => sound.check(path, digest, new AbortController().signal)))
/** The time of an inode's last change is one of some milliseconds. */
const later = () => new Promise(resolve => setTimeout(resolve, 20))
const backUp = async () => {
  await later()
  backups += 1
  for (const [index, { path }] of files.entries()) {
    const linked = await linkOrCopy(path, join(directory.path, `backup-${backups}-${index}`))
    if (!linked || !('note' in linked)) throw new Error(`${path} was not linked`)
    await noteLinks([linked.note])
  }
}
/** A change of the bytes that leaves the time of the last write as it was. */
const damage = (path: string) => {
  const { atime, mtime } = statSync(path)
  flipBit(path, 0)
  utimesSync(path, atime, mtime)
}

test('a backup makes no file be hashed again, nor does the next one', async () => {
  const before = statSync(files[0]?.path ?? '').ctimeMs
  await backUp()
  expect(statSync(files[0]?.path ?? '').ctimeMs).toBeGreaterThan(before)
  expect(await check()).toEqual([null, null, null])
  await backUp()
  await backUp()
  expect(await check()).toEqual([null, null, null])
  expect(hashed).toBe(0)
})

test('links that this process makes and removes make no file be hashed again, nor do backups between them', async () => {
  const before = statSync(files[0]?.path ?? '').ctimeMs
  const links = (name: string) =>
    files.map(({ path }, index) => ({ path, link: join(directory.path, `${name}-${index}`) }))
  await later()
  await makeLinks(links('a'))
  expect(statSync(files[0]?.path ?? '').ctimeMs).toBeGreaterThan(before)
  expect(readFileSync(links('a')[1]?.link ?? '', 'utf8')).toBe('two')
  await later()
  await makeLinks(links('b'))
  await backUp()
  await later()
  await removeLinks(links('a'))
  expect(await check()).toEqual([null, null, null])
  await later()
  await removeLinks(links('b'))
  expect(await check()).toEqual([null, null, null])
  expect(hashed).toBe(0)
})

test.each(['before', 'between', 'after'])('bytes that change %s links of this process are noticed', async when => {
  const [, second] = files
  const [path, link] = [second?.path ?? '', join(directory.path, 'link')]
  if (when === 'before') damage(path)
  await later()
  await makeLinks([{ path, link }])
  await later()
  if (when === 'between') damage(path)
  await later()
  await removeLinks([{ path, link }])
  await later()
  if (when === 'after') damage(path)
  expect((await check())[1]).toContain('has the digest')
  expect(hashed).toBe(1)
})

test('a file that others may write is copied in place of a link', async () => {
  const [first] = files
  const link = join(directory.path, 'copy')
  chmodSync(first?.path ?? '', 0o666)
  await makeLinks([{ path: first?.path ?? '', link }])
  expect(statSync(link).ino).not.toBe(statSync(first?.path ?? '').ino)
  expect(readFileSync(link, 'utf8')).toBe('one')
})

test('a link of anybody else does: it may hide a change', async () => {
  await later()
  await link(files[0]?.path ?? '', join(directory.path, 'elsewhere'))
  expect(await check()).toEqual([null, null, null])
  expect(hashed).toBe(1)
})

test.each([
  ['before a backup', async () => damage(files[1]?.path ?? '')],
  ['after one', async () => undefined],
])('bytes that change %s are noticed', async (when, first) => {
  await later()
  await first()
  await backUp()
  await later()
  if (when === 'after one') damage(files[1]?.path ?? '')
  const [, second] = await check()
  expect(second).toContain('has the digest')
  expect(hashed).toBe(1)
})

test('between two backups too', async () => {
  await backUp()
  await later()
  damage(files[1]?.path ?? '')
  await backUp()
  expect((await check())[1]).toContain('has the digest')
})

test('notes that are lost or damaged cost reading, no more', async () => {
  await backUp()
  const notes = join(directory.path, 'links')
  rmSync(notes, { recursive: true })
  expect(await check()).toEqual([null, null, null])
  expect(hashed).toBe(3)
})

test.each(['EMFILE', 'ENFILE', 'ENOMEM'])('%s is the machine, and no damage of the file', async code => {
  sound = soundFiles(async () => ({ unreadable: code }))
  await expect(check()).rejects.toMatchObject({ code })
})
