import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmod, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createBubblewrap } from '../../src/evaluate/isolation/bubblewrap.ts'
import type { IsolatedProcess } from '../../src/evaluate/isolation/isolated-process.ts'
import { evaluatorUser } from '../../src/evaluate/isolation/launcher-options.ts'
import { systemTool } from '../../src/evaluate/system-tool.ts'
import { launcher as binary, evaluatorDirectory } from '../support/sandbox.ts'
import { projectRoot, temporaryDirectory } from '../support/server.ts'
import { until } from '../support/store-client.ts'

const bubblewrap = systemTool('bwrap') ?? ''
const canRun = bubblewrap !== '' && spawnSync(bubblewrap, ['--ro-bind', '/', '/', '--unshare-all', 'true']).status === 0
const isRoot = process.getuid?.() === 0

let directory: Awaited<ReturnType<typeof temporaryDirectory>>
beforeAll(async () => {
  directory = await temporaryDirectory()
  await chmod(directory.path, 0o755)
})
afterAll(() => directory.remove())

const users = isRoot ? [undefined, evaluatorUser] : [undefined]
const launchers = binary === undefined ? [undefined] : [undefined, binary]
const ways = users.flatMap(user =>
  launchers.map(launcher => {
    const inside = launcher === undefined ? 'alone' : 'and with the launcher in it'
    return { name: `as ${user ?? 'the same user'}, ${inside}`, user, launcher }
  }),
)

/** Skips, and says so, where bubblewrap is not installed or may not make namespaces. */
describe.skipIf(!canRun).each(ways)('in bubblewrap, $name', ({ user, launcher }) => {
  async function run(script: string, cpuSeconds = 20): Promise<IsolatedProcess> {
    return createBubblewrap({ bubblewrap, user, launcher })({
      ...evaluatorDirectory(directory.path, script),
      cpuSeconds,
    })
  }

  test('a script has three pipes, sees its files, and nothing else of the machine', async () => {
    const child = await run(`
      import { spawnSync } from 'node:child_process'
      import { chmodSync, readFileSync, readdirSync, writeSync } from 'node:fs'
      import { networkInterfaces } from 'node:os'
      const failure = attempt => { try { return attempt() } catch ({ code }) { return code } }
      writeSync(2, 'to errors')
      writeSync(3, JSON.stringify({
        request: readFileSync(0, 'utf8'),
        directory: process.cwd(),
        job: readdirSync('../job'),
        passwords: failure(() => readFileSync('/etc/passwd')),
        processes: failure(() => readdirSync('/proc')),
        server: failure(() => process.kill(${process.pid}, 0)),
        network: failure(() => Object.keys(networkInterfaces())),
        changed: failure(() => chmodSync('../job/script.mts', 0o777)),
        started: spawnSync(process.execPath, ['--version']).error?.code ?? null,
        user: process.getuid(),
        secret: process.env.TUREEN_SECRET ?? null,
      }))
    `)
    child.input.end('a request')
    const [answer, errors, end] = await Promise.all([text(child.output), text(child.errors), child.exited])
    expect({ ...JSON.parse(answer), errors, end }).toEqual({
      request: 'a request',
      directory: '/evaluator/empty',
      job: ['script.mts'],
      passwords: 'ENOENT',
      processes: ['cpuinfo'],
      ...(launcher
        ? { server: 'ENOSYS', network: 'ERR_SYSTEM_ERROR', changed: 'ENOSYS', started: 'ENOSYS' }
        : { server: 'ESRCH', network: ['lo'], changed: 'EROFS', started: null }),
      user: user ?? process.getuid?.(),
      secret: null,
      errors: 'to errors',
      end: { code: 0, signal: null },
    })
  })

  test('files that appear in the job of a running process are there for it', async () => {
    const start = createBubblewrap({ bubblewrap, user, launcher })
    const made = evaluatorDirectory(
      directory.path,
      `import { readFileSync, readSync, writeSync } from 'node:fs'
       readSync(0, Buffer.alloc(1))
       writeSync(3, readFileSync('../job/later'))`,
    )
    const child = await start({ ...made, cpuSeconds: 20 })
    await writeFile(join(made.directory, 'job', 'later'), 'a model')
    child.input.write('.')
    expect(await text(child.output)).toBe('a model')
    await child.exited
  })

  test('the process id is that of the script, whose memory is bounded, and a kill ends it', async () => {
    const child = await run(`
      import { writeSync } from 'node:fs'
      writeSync(3, 'ready')
      setInterval(() => {}, 1000)
    `)
    await once(child.output, 'data')
    expect(await readFile(`/proc/${child.pid}/cmdline`, 'utf8')).toContain('script.mts')
    await child.limitMemory(1 << 30)
    const dataLimit = /^Max data size +(\d+)/m.exec(await readFile(`/proc/${child.pid}/limits`, 'utf8'))?.[1]
    expect(Number(dataLimit)).toBeGreaterThan(1 << 30)
    expect(Number(dataLimit)).toBeLessThan(3 * (1 << 30))
    child.kill()
    expect(await child.exited).toEqual({ code: null, signal: 'SIGKILL' })
    await expect(readFile(`/proc/${child.pid}/cmdline`)).rejects.toThrow('ENOENT')
  })

  test.each([
    ['process.exit(7)', { code: 7, signal: null }],
    ['process.abort()', { code: null, signal: 'SIGABRT' }],
  ])('%s ends it as it would outside', async (script, end) => {
    // An evaluator that ends before the server knows its process id has not started. So the script waits for a byte.
    const child = await run(`import { readSync } from 'node:fs'\nreadSync(0, Buffer.alloc(1))\n${script}`)
    child.input.write('.')
    expect(await child.exited).toEqual(end)
  })

  test('a loop without end is ended when its processor time is over', async () => {
    expect(await (await run('for (;;);', 1)).exited).toEqual({ code: null, signal: 'SIGXCPU' })
  })

  test('a program that is not there is told with the reason', async () => {
    const missing = createBubblewrap({ bubblewrap, user, launcher })
    const start = missing({ directory: join(directory.path, 'nowhere'), script: 'x', cpuSeconds: 1 })
    await expect(start).rejects.toThrow(/bubblewrap could not start it: .*nowhere/)
  })

  test('nothing outlives a server that is killed', async () => {
    const made = evaluatorDirectory(
      directory.path,
      `import { writeSync } from 'node:fs'
       writeSync(3, 'ready')
       for (;;);`,
    )
    const server = spawn(
      process.execPath,
      [
        '--input-type=module',
        '-e',
        `import { createBubblewrap } from ${JSON.stringify(`${projectRoot}/src/evaluate/isolation/bubblewrap.ts`)}
         const start = createBubblewrap(${JSON.stringify({ bubblewrap, user, launcher })})
         const child = await start(${JSON.stringify({ ...made, cpuSeconds: 60 })})
         child.output.once('data', () => process.stdout.write(String(child.pid)))`,
      ],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    )
    const pid = Number(String((await once(server.stdout, 'data'))[0]))
    expect(await readFile(`/proc/${pid}/cmdline`, 'utf8')).toContain('script.mts')
    server.kill('SIGKILL')
    await until('the process is gone', () =>
      readFile(`/proc/${pid}/cmdline`).then(
        () => false,
        () => true,
      ),
    )
  })

  test('what an evaluator has written can be read after its end', async () => {
    const child = await run(`
      import { readSync, writeSync } from 'node:fs'
      readSync(0, Buffer.alloc(1))
      writeSync(3, 'an answer')
    `)
    child.input.write('.')
    await child.exited
    await delay(20)
    expect(await text(child.output)).toBe('an answer')
  })
})

// The shell is process 1 there, and reaps every process at once, as the first process of a system does.
test.runIf(canRun && isRoot)('the kill of a process whose end the server has not seen yet does nothing', () => {
  const made = evaluatorDirectory(
    directory.path,
    `import { readSync } from 'node:fs'
     readSync(0, Buffer.alloc(1))`,
  )
  const server = `
    import { existsSync } from 'node:fs'
    import { createBubblewrap } from ${JSON.stringify(`${projectRoot}/src/evaluate/isolation/bubblewrap.ts`)}
    const start = createBubblewrap(${JSON.stringify({ bubblewrap })})
    const child = await start(${JSON.stringify({ ...made, cpuSeconds: 60 })})
    child.input.write('.')
    // The event loop stands still while the process and bubblewrap end.
    const wait = milliseconds => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds)
    while (existsSync('/proc/' + child.pid)) wait(10)
    wait(500)
    child.kill()
    console.log(JSON.stringify(await child.exited))`
  const words = ['--pid', '--fork', '--mount-proc', '/bin/sh', '-c', '"$0" "$@" && true']
  const { stdout, stderr } = spawnSync('unshare', [...words, process.execPath, '--input-type=module', '-e', server], {
    encoding: 'utf8',
  })
  expect(stdout, stderr).toBe('{"code":0,"signal":null}\n')
})
