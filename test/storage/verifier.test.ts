import { mkdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import pino from 'pino'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { contentPath } from '../../src/storage/file-names.ts'
import { type HashFile, soundFiles } from '../../src/storage/sound-files.ts'
import { createVerifier, type Verifier } from '../../src/storage/verifier.ts'
import { sha256OfFile } from '../../src/threads/hash-file.ts'
import { flipBit } from '../support/filled-store.ts'
import { sha256 } from '../support/http-client.ts'
import { temporaryDirectory } from '../support/server.ts'
import { until } from '../support/store-client.ts'

/** A directory of content, what was hashed and logged, and the time. */
let directory: Awaited<ReturnType<typeof temporaryDirectory>>
let files: { hex: string; path: string }[]
let hashed: string[]
let warnings: { sha256?: string; message?: string; records?: string[] }[]
let now: number
let verifier: Verifier | undefined
const day = 86_400_000
const begin = Date.parse('2026-01-01T00:00:00Z')

beforeEach(async () => {
  directory = await temporaryDirectory()
  now = begin
  hashed = []
  warnings = []
  files = Array.from({ length: 64 }, (_, index) => {
    const text = `file ${index}`
    const hex = sha256(Buffer.from(text))
    const path = join(directory.path, 'content', contentPath(hex))
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, text)
    return { hex, path }
  }).sort((a, b) => (a.hex < b.hex ? -1 : 1))
})
afterEach(async () => {
  await verifier?.close()
  verifier = undefined
  await directory.remove()
})

const hash: HashFile = async path => {
  hashed.push(path)
  return sha256OfFile(path)
}

/** A verifier of a process that has just started, with 30 days for all content. */
async function start(using: HashFile = hash, days = 30): Promise<Verifier> {
  await verifier?.close()
  const sound = soundFiles(using)
  const contents = {
    verify: (digest: string, by: HashFile, signal: AbortSignal) =>
      sound.verify(join(directory.path, 'content', contentPath(digest)), digest, by, signal),
    holders: async () => ['model-1'],
  }
  const log = pino({ level: 'warn' }, { write: line => void warnings.push(JSON.parse(line)) })
  verifier = await createVerifier(
    { directory: directory.path, contents, hash: using, onVerified: () => undefined },
    { milliseconds: days * day, lookSeconds: 0.01, clock: () => now },
    log,
  )
  verifier.start()
  return verifier
}

const below = (hex: string) => files.filter(file => file.hex < hex)
const verified = (of: Verifier) => of.results().current?.files ?? 0
const lookTwice = () => new Promise(resolve => setTimeout(resolve, 60))
const file = (index: number) => {
  const found = files[index]
  if (!found) throw new RangeError(`there is no file ${index}`)
  return found
}

test('each file is read once in the days that are set, and not before its time', async () => {
  const verifier = await start()
  await lookTwice()
  expect(hashed).toEqual([])
  now += 15 * day
  const half = below('8')
  await until('half of the digests are verified', () => verified(verifier) === half.length)
  await lookTwice()
  expect(hashed).toEqual(half.map(({ path }) => path))
  now += 15 * day
  await until('all are', () => verifier.results().last !== null)
  expect(hashed).toEqual(files.map(({ path }) => path))
  expect(verifier.results().last).toEqual({
    startedAt: new Date(begin).toISOString(),
    finishedAt: new Date(begin + 30 * day).toISOString(),
    files: files.length,
    bytes: files.reduce((sum, { path }) => sum + statSync(path).size, 0),
    damagedFiles: 0,
    damaged: [],
  })
  now += 15 * day
  await until('the next pass is half done', () => verified(verifier) === half.length)
})

test('a restart goes on where the process before it was, and makes up no time that the server was down', async () => {
  const before = await start()
  now += 15 * day
  await until('half of the digests are verified', () => verified(before) === below('8').length)
  await before.close()
  now += 20 * day
  hashed = []
  const after = await start()
  await lookTwice()
  expect(hashed).toEqual([])
  expect(after.results().current).toMatchObject({ startedAt: new Date(begin).toISOString(), files: below('8').length })
  now += 15 * day
  await until('the pass is finished', () => after.results().last !== null)
  expect(hashed).toEqual(files.slice(below('8').length).map(({ path }) => path))
  expect(after.results().last?.files).toBe(files.length)
})

test('a state that was lost or damaged costs reading, no more', async () => {
  writeFileSync(join(directory.path, 'verification.json'), '{"position":')
  const verifier = await start()
  now += 30 * day
  await until('all are verified', () => verifier.results().last?.files === files.length)
})

test('damage that left size and times as they were is found, logged and listed, and does not stop the pass', async () => {
  const { hex, path } = file(20)
  const { atime, mtime } = statSync(path)
  flipBit(path, 0)
  utimesSync(path, atime, mtime)
  const verifier = await start()
  now += 30 * day
  await until('all are verified', () => verifier.results().last !== null)
  const message = `has the digest sha256:${sha256(readFileSync(path))} and should have sha256:${hex}`
  const found = { sha256: `sha256:${hex}`, message, records: ['model-1'] }
  expect(verifier.results().last).toMatchObject({ files: files.length, damagedFiles: 1, damaged: [found] })
  expect(warnings).toMatchObject([{ level: 40, ...found }])
})

test('at most 100 damaged files are listed, and all are counted', async () => {
  for (let index = 0; index < 110; index += 1) {
    const hex = sha256(Buffer.from(`damaged ${index}`))
    const path = join(directory.path, 'content', contentPath(hex))
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, 'other bytes')
  }
  const verifier = await start()
  now += 30 * day
  await until('all are verified', () => verifier.results().last !== null)
  expect(verifier.results().last).toMatchObject({ damagedFiles: 110 })
  expect(verifier.results().last?.damaged).toHaveLength(100)
})

test('a file that disappears is no damage, neither before nor while it is read', async () => {
  const before = file(10)
  const verifier = await start(async (path, signal) => {
    rmSync(before.path, { force: true })
    const found = await hash(path, signal)
    if (path !== file(30).path) return found
    rmSync(path)
    return { unreadable: 'ENOENT' }
  })
  now += 30 * day
  await until('all are verified', () => verifier.results().last !== null)
  expect(verifier.results().last).toMatchObject({ files: files.length - 2, damagedFiles: 0 })
  expect(warnings).toEqual([])
})

test('a damaged file that is replaced while it is read is read again before it is called damaged', async () => {
  const { path } = file(5)
  const text = readFileSync(path)
  flipBit(path, 0)
  const verifier = await start(async (each, signal) => {
    const found = await hash(each, signal)
    if (each === path && hashed.filter(one => one === path).length === 1) {
      rmSync(path)
      writeFileSync(path, text)
    }
    return found
  })
  now += 30 * day
  await until('all are verified', () => verifier.results().last !== null)
  expect(verifier.results().last).toMatchObject({ files: files.length, damagedFiles: 0 })
})

test('too many open files are no damage: the file is verified later', async () => {
  let refused = 0
  const verifier = await start(async (path, signal) => {
    if (path === file(7).path && refused < 2) {
      refused += 1
      return { unreadable: 'EMFILE' }
    }
    return hash(path, signal)
  })
  now += 30 * day
  await until('all are verified', () => verifier.results().last !== null)
  expect(refused).toBe(2)
  expect(verifier.results().last).toMatchObject({ files: files.length, damagedFiles: 0 })
})

test('0 days: nothing is read', async () => {
  const verifier = await start(hash, 0)
  now += 3000 * day
  await lookTwice()
  expect(hashed).toEqual([])
  expect(verifier.results()).toEqual({ current: null, last: null })
})

test('a clock that is set back and forth again makes no file be read twice', async () => {
  const verifier = await start()
  now += 15 * day
  await until('half of the digests are verified', () => verified(verifier) === below('8').length)
  now -= 10 * day
  await lookTwice()
  now += 15 * day
  await until('the pass is finished', () => verifier.results().last !== null)
  expect(hashed).toHaveLength(files.length)
})
