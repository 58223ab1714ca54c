import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { IsolatedProcess } from '../../src/evaluate/isolation/isolated-process.ts'
import { createLauncher, type Launcher } from '../../src/evaluate/isolation/launcher.ts'
import { launcher as binary, evaluatorDirectory, parentOf } from '../support/sandbox.ts'
import { temporaryDirectory } from '../support/server.ts'

describe.skipIf(binary === undefined)('the launcher', () => {
  let directory: Awaited<ReturnType<typeof temporaryDirectory>>
  let launcher: Launcher
  beforeAll(async () => {
    directory = await temporaryDirectory()
    launcher = createLauncher({ binary: binary ?? '' })
  })
  afterAll(async () => {
    launcher.close()
    await directory.remove()
  })

  const start = (script: string, cpuSeconds = 30) =>
    launcher.start({ ...evaluatorDirectory(directory.path, `import fs from 'node:fs'\n${script}`), cpuSeconds })
  const lives = ({ pid }: IsolatedProcess) => existsSync(`/proc/${pid}/root`)

  test('gives requests, answers and errors as descriptors 0, 3 and 2, and no other but /dev/null', async () => {
    const child = await start(`const request = fs.readFileSync(0, 'utf8')
      fs.writeSync(2, 'an error')
      fs.writeSync(1, 'lost')
      const state = fd => { try { return fs.fstatSync(fd) } catch {} }
      const open = [...Array(1000).keys()].filter(state)
      const kind = fd => state(fd).isFIFO() ? 'pipe' : state(fd).isCharacterDevice() ? 'device' : 'other'
      const files = open.filter(fd => state(fd).isFile() || state(fd).isDirectory() || state(fd).isSocket())
      fs.writeSync(3, JSON.stringify({ request, kinds: open.slice(0, 4).map(kind), files }))`)
    child.input.end('a request')
    const [answers, errors, end] = await Promise.all([text(child.output), text(child.errors), child.exited])
    expect(JSON.parse(answers)).toEqual({
      request: 'a request',
      kinds: ['pipe', 'device', 'pipe', 'pipe'],
      files: [],
    })
    expect(errors).toBe('an error')
    expect(end).toEqual({ code: 0, signal: null, peakBytes: expect.any(Number) })
    expect(end.peakBytes).toBeGreaterThan(2 ** 24)
  })

  test('runs in the empty directory with a clean environment', async () => {
    const child = await start('fs.writeSync(3, JSON.stringify([process.cwd(), Object.keys(process.env)]))')
    const [cwd, names] = JSON.parse(await text(child.output))
    expect(cwd).toMatch(/\/empty$/)
    const known = ['ORT_DISABLE_TELEMETRY', 'OPENSSL_CONF', 'NODE_COMPILE_CACHE']
    expect(names.filter((name: string) => !known.includes(name))).toEqual([])
  })

  test.each([
    ['exits', 'process.exit(3)', { code: 3, signal: null }],
    ['aborts', 'process.abort()', { code: null, signal: 'SIGABRT' }],
    ['uses all its processor time', 'for (;;);', { code: null, signal: 'SIGXCPU' }],
  ])('tells how a process ends that %s', async (_, script, end) => {
    const child = await start(script, 1)
    expect(await child.exited).toMatchObject(end)
  })

  test('kills a process, and only once', async () => {
    const child = await start('for (;;);')
    child.kill()
    expect(await child.exited).toMatchObject({ code: null, signal: 'SIGKILL' })
    child.kill()
    await expect(child.limitMemory(1)).rejects.toThrow(/ended/)
    expect(lives(child)).toBe(false)
  })

  test('bounds the memory beyond what a process has', async () => {
    const child = await start(`fs.writeSync(3, 'ready')
      fs.readSync(0, Buffer.alloc(1))
      const allocate = bytes => { try { return new ArrayBuffer(bytes) && 'done' } catch (error) { return error.name } }
      fs.writeSync(3, JSON.stringify([allocate(2 ** 30), allocate(2 ** 28)]))`)
    await once(child.output, 'data')
    await child.limitMemory(2 ** 29)
    child.input.write('x')
    expect(JSON.parse(await text(child.output))).toEqual(['RangeError', 'done'])
  })

  test('says which step of a start failed', async () => {
    await expect(
      launcher.start({ directory: join(directory.path, 'none'), script: '', cpuSeconds: 1 }),
    ).rejects.toThrow('The launcher could not enter the directory: No such file or directory')
  })

  test('ends its processes when it ends, and starts again', async () => {
    const short = createLauncher({ binary: binary ?? '' })
    const from = () => short.start({ ...evaluatorDirectory(directory.path, 'for (;;);'), cpuSeconds: 30 })
    const [first, second] = await Promise.all([from(), from()])
    process.kill(parentOf(first.pid), 'SIGKILL')
    expect(await first.exited).toEqual({ code: null, signal: 'SIGKILL' })
    const third = await from()
    short.close()
    await third.exited
    for (let waits = 0; waits < 100 && [first, second, third].some(lives); waits += 1) await delay(50)
    expect([first, second, third].filter(lives)).toEqual([])
    await expect(from()).rejects.toThrow(/closed/)
  })

  test.each(['start', 'kill'] as const)('is killed when it does not answer a %s, and starts again', async request => {
    const short = createLauncher({ binary: binary ?? '' }, 3000)
    const from = () => short.start({ ...evaluatorDirectory(directory.path, 'for (;;);'), cpuSeconds: 30 })
    const first = await from()
    process.kill(parentOf(first.pid), 'SIGSTOP')
    if (request === 'kill') first.kill()
    else await expect(from()).rejects.toThrow('The launcher of evaluators ended')
    expect(await first.exited).toEqual({ code: null, signal: 'SIGKILL' })
    for (let waits = 0; waits < 100 && lives(first); waits += 1) await delay(50)
    expect(lives(first)).toBe(false)
    const second = await from()
    short.close()
    await second.exited
  })
})
