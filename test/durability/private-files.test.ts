import { spawnSync } from 'node:child_process'
import { chmod, mkdir, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { closeToOthers } from '../../src/storage/private-files.ts'
import { backUpStore } from '../../src/store-tools/back-up-store.ts'
import { uploadModel } from '../support/http-client.ts'
import { linearModel } from '../support/onnx-model.ts'
import { startApp, temporaryDirectory } from '../support/server.ts'

const isRoot = process.getuid?.() === 0
const canBeAnother = isRoot && spawnSync('setpriv', ['--version']).status === 0

/** What a user without rights can read of a directory that everybody may enter. The reserve holds random bytes. */
const readByAnother = (directory: string) =>
  spawnSync(
    'setpriv',
    [
      '--reuid',
      '54321',
      '--regid',
      '54321',
      '--clear-groups',
      'find',
      directory,
      '-type',
      'f',
      '-readable',
      '!',
      '-name',
      'reserve',
    ],
    { encoding: 'utf8' },
  ).stdout

let directory: Awaited<ReturnType<typeof temporaryDirectory>>
let umask: number
beforeEach(async () => {
  directory = await temporaryDirectory()
  await chmod(directory.path, 0o755)
  umask = process.umask(0o022)
})
afterEach(async () => {
  process.umask(umask)
  await directory.remove()
})

describe.runIf(canBeAnother)('where the server is root', () => {
  /** A data directory that everybody may enter, with a model. */
  async function filledStore(): Promise<string> {
    const data = join(directory.path, 'data')
    await mkdir(data, { mode: 0o755 })
    const app = await startApp({ TUREEN_DATA: data })
    await uploadModel(app.url, linearModel([1, 2], [3, 4]))
    // While the server runs, SQLite's log is there too.
    expect(await readdir(data)).toContain('catalog.sqlite-wal')
    expect(readByAnother(data)).toBe('')
    await app.close()
    return data
  }

  test('another user reads nothing of a new store, nor of its backup', async () => {
    const data = await filledStore()
    expect((await stat(join(data, 'catalog.sqlite'))).mode & 0o777).toBe(0o600)
    const copy = join(directory.path, 'copy')
    await backUpStore(data, copy)
    expect(readByAnother(copy)).toBe('')
  })

  test('another user reads nothing of a store that an earlier version left open', async () => {
    const data = await filledStore()
    spawnSync('chmod', ['-R', 'a+rX', data])
    expect(readByAnother(data)).toContain('/catalog.sqlite\n')
    const app = await startApp({ TUREEN_DATA: data })
    expect(readByAnother(data)).toBe('')
    await app.close()
  })

  test.each([
    [0o644, 0o600],
    [0o664, 0o660],
    [0o2775, 0o2770],
    [0o400, 0o400],
  ])('mode %o becomes %o: a group that may write keeps its permissions', async (before, after) => {
    const path = join(directory.path, 'one')
    await mkdir(path)
    await chmod(path, before)
    await closeToOthers(path)
    expect((await stat(path)).mode & 0o7777).toBe(after)
    await closeToOthers(join(directory.path, 'missing'))
  })
})

test.skipIf(isRoot || process.getuid === undefined)('a server of another user leaves modes as they are', async () => {
  await chmod(directory.path, 0o755)
  await closeToOthers(directory.path)
  expect((await stat(directory.path)).mode & 0o777).toBe(0o755)
})
