import { execFile } from 'node:child_process'
import {
  chmod,
  copyFile,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises'
import { request } from 'node:http'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { startEmbeddedServer } from '../../cli/embedded-server.ts'
import { localServer } from '../../cli/local-server.ts'
import { createClient } from '../../client/index.ts'
import { unixSocketTransport } from '../../client/unix-socket-transport.ts'
import { externalModel } from '../support/external-model.ts'
import { linearModel, rawInitializer } from '../support/onnx-model.ts'
import { projectRoot, startApp, temporaryDirectory } from '../support/server.ts'
import { typed } from '../support/typed-command.ts'

const run = promisify(execFile)
const unending = AbortSignal.any([])
let directory: Awaited<ReturnType<typeof temporaryDirectory>>
let store: string
let socket: string
let server: { close(): Promise<void> }
const path = (name: string) => join(directory.path, name)
const digits = (name: string) => join(projectRoot, 'examples/digits', name)

/** The requests of a server whose store is temporary, so that it reads files in place. */
const local = () => localServer(unixSocketTransport(socket))
const adopted = (name: string, inPlace = true) =>
  local().adoptModel({ path: path(name), inPlace, name, labels: {} }, unending)
const stored = (sha256: string) => join(store, 'content', sha256.slice(7, 9), sha256.slice(7))

beforeAll(async () => {
  directory = await temporaryDirectory()
  store = path('store')
  socket = path('socket')
  await mkdir(store)
  server = await startEmbeddedServer(store, socket, true)
})
afterAll(async () => {
  await server.close()
  await directory.remove()
})
let count = 0
let name: string
beforeEach(async () => {
  count += 1
  name = `model-${count}.onnx`
  await writeFile(path(name), linearModel([count, 2, 3, 4], [1, 2]))
})

describe('a file that is taken over', () => {
  test('has the record of the same file when it is uploaded', async () => {
    const client = createClient({ url: 'http://localhost', transport: unixSocketTransport(socket) })
    const there = await adopted(name)
    const sent = await client.createModel({ file: new Blob([await readFile(path(name))]), name: 'sent' })
    const { id: _a, name: _b, createdAt: _c, ...facts } = there
    expect(sent).toMatchObject(facts)
    expect(await local().changed()).toEqual([])
  })

  test('never is a hard link: the store has a clone of it, or a symbolic link to it', async () => {
    const { sha256 } = await adopted(name)
    expect((await stat(path(name))).nlink).toBe(1)
    expect(await readFile(stored(sha256))).toEqual(await readFile(path(name)))
  })

  test('is copied if it may not be read in place, and survives the truncation of its source', async () => {
    const before = await readFile(path(name))
    await chmod(path(name), 0o444)
    const { sha256 } = await adopted(name, false)
    await chmod(path(name), 0o644)
    await truncate(path(name), 3)
    expect(await readFile(stored(sha256))).toEqual(before)
    expect(await local().changed()).toEqual([])
  })

  test.each<[string, (file: string) => Promise<unknown>]>([
    ['truncated', file => truncate(file, 10)],
    ['replaced', file => copyFile(digits('ft0.onnx'), `${file}.new`).then(() => rename(`${file}.new`, file))],
    ['written to', async file => writeFile(file, await readFile(file))],
    ['removed', file => rm(file)],
    [
      'written to, and its time set back',
      async file => {
        const { atime, mtime, size } = await stat(file)
        await writeFile(file, Buffer.alloc(size, 1))
        await utimes(file, atime, mtime)
      },
    ],
  ])('counts as changed once it was %s', async (_, change) => {
    const before = await local().changed()
    await adopted(name)
    expect(await local().changed()).toEqual(before)
    // The times of files may have the resolution of a tick.
    await delay(20)
    await change(path(name))
    expect(await local().changed()).toEqual([...before, path(name)])
  })

  test('does not count as changed if only its permissions were', async () => {
    const before = (await local().changed()).length
    await adopted(name)
    await chmod(path(name), 0o600)
    expect(await local().changed()).toHaveLength(before)
  })

  test('may be named by a symbolic link, and counts as changed if that leads elsewhere', async () => {
    await symlink(path(name), path(`link-${name}`))
    const before = await local().changed()
    expect((await adopted(`link-${name}`)).parameters).toBeGreaterThan(0)
    expect(await local().changed()).toEqual(before)
    await rm(path(`link-${name}`))
    await symlink(digits('ft0.onnx'), path(`link-${name}`))
    expect(await local().changed()).toEqual([...before, path(`link-${name}`)])
  })

  test('is refused if it is a pipe, a directory, a device, or missing', async () => {
    await run('mkfifo', [path('pipe')])
    const kinds = { pipe: /no regular file/, store: /no regular file/, 'no-such-file': /cannot be read/ }
    for (const [kind, message] of Object.entries(kinds))
      await expect(adopted(kind), kind).rejects.toMatchObject({ code: 'TUREEN_REQUEST_INVALID', detail: message })
    await expect(
      local().adoptModel({ path: '/dev/zero', inPlace: true, name: 'zero', labels: {} }, unending),
    ).rejects.toMatchObject({ detail: expect.stringMatching(/no regular file/) })
  })

  test('is refused if it is no model', async () => {
    await expect(
      local().adoptModel({ path: digits('val.npz'), inPlace: true, name: 'val', labels: {} }, unending),
    ).rejects.toMatchObject({ code: 'TUREEN_NOT_ONNX', detail: expect.stringMatching(/zip archive/) })
    expect(await readdir(join(store, 'incoming'))).toEqual([])
  })
})

test('only a Unix socket has these requests', async () => {
  const { url, close } = await startApp()
  for (const each of ['models', 'datasets', 'changes', 'models/x/path'])
    for (const method of ['GET', 'POST', 'PUT'])
      expect((await fetch(`${url}/local/${each}`, { method })).status).toBe(404)
  await close()
})

test('a server inside a command has no pages and no document of its API, which nobody would read', async () => {
  const statusOf = (path: string) =>
    new Promise<number | undefined>(resolve =>
      request({ socketPath: socket, path }, answer => resolve(answer.resume().statusCode)).end(),
    )
  expect(await statusOf('/healthz')).toBe(200)
  for (const path of ['/', '/page/models', '/docs', '/docs/api/', '/openapi.json'])
    expect(await statusOf(path)).toBe(404)
})

describe('tureen soup', () => {
  const temporary = () => path('temporary')
  const soup = (...parameters: string[]) =>
    typed(['soup', ...parameters], { cwd: directory.path, env: { TMPDIR: temporary() } })
  beforeAll(() => mkdir(temporary()))

  test('reads models and their external data in place, and leaves nothing behind', async () => {
    for (const [each, bias] of Object.entries({ a: 1, b: 3 })) {
      const { main, data } = externalModel([1, 2, 3, 4], [bias, bias], {
        W: { location: `${each}-W.bin` },
        b: { location: `${each}-b.bin` },
      })
      for (const [location, bytes] of Object.entries({ ...data, [`${each}.onnx`]: main }))
        await writeFile(path(location), bytes)
    }
    const [inPlace, copied] = await Promise.all([
      soup('a.onnx', 'b.onnx', '-o', 'in-place.onnx', '--quiet'),
      soup('a.onnx', 'b.onnx', '-o', 'copied.onnx', '--quiet', '--store', 'named'),
    ])
    expect([inPlace, copied]).toEqual(Array(2).fill({ code: 0, stdout: '', stderr: '' }))
    const bytes = await readFile(path('in-place.onnx'))
    expect(await readFile(path('copied.onnx'))).toEqual(bytes)
    expect(rawInitializer(bytes, 'b')).toEqual(new Uint8Array(Float32Array.of(2, 2).buffer))
    expect(await readdir(temporary())).toEqual([])
    const plain = (await stat(path('a.onnx'))).mode
    expect((await stat(path('in-place.onnx'))).mode).toBe(plain)
    expect((await stat(path('copied.onnx'))).mode).toBe(plain)
  })

  test('writes nothing if somebody writes to a model meanwhile', async () => {
    await copyFile(digits('ft0.onnx'), path('busy.onnx'))
    await copyFile(digits('ft1.onnx'), path('still.onnx'))
    const bytes = await readFile(path('busy.onnx'))
    const ended = soup('busy.onnx', 'still.onnx', '-o', 'never.onnx', '--recipe-out', 'never.json', '--json')
    let isRunning = true
    const end = ended.finally(() => {
      isRunning = false
    })
    // The same bytes, again and again: only the times tell.
    while (isRunning) {
      await writeFile(path('busy.onnx'), bytes)
      await delay(5)
    }
    expect(await end).toMatchObject({ code: 1, stdout: '', stderr: expect.stringMatching(/busy\.onnx.*changed while/) })
    expect((await readdir(directory.path)).filter(each => /never|part/.test(each))).toEqual([])
    expect(await readdir(temporary())).toEqual([])
  })

  test('refuses a pipe before it reads anything', async () => {
    await rm(path('pipe'), { force: true })
    await run('mkfifo', [path('pipe')])
    const ended = await soup('pipe', '-o', 'of-pipe.onnx')
    expect(ended).toMatchObject({ code: 2, stdout: '', stderr: expect.stringMatching(/pipe is no regular file/) })
  })
})
