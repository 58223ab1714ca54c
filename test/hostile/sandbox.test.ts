import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  existsSync,
  globSync,
  linkSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { json, text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { createLauncher } from '../../src/evaluate/isolation/launcher.ts'
import { evaluatorGrants } from '../../src/evaluate/isolation/launcher-grants.ts'
import {
  encodeLauncherMessage,
  launcherMessageReader,
  launcherRequest,
} from '../../src/evaluate/isolation/launcher-messages.ts'
import { evaluatorUser, type LauncherOptions, launcherWords } from '../../src/evaluate/isolation/launcher-options.ts'
import { openLauncherPipes } from '../../src/evaluate/isolation/launcher-pipes.ts'
import { type LauncherProtections, probeLauncher } from '../../src/evaluate/isolation/launcher-protections.ts'
import { type MemoryWatch, watchMemory } from '../../src/evaluate/watch-memory.ts'
import { evaluatorDirectory, launcher, type ProbeTarget } from '../support/sandbox.ts'
import { projectFile, projectRoot, temporaryDirectory } from '../support/server.ts'
import { until } from '../support/store-client.ts'

const isRoot = process.getuid?.() === 0
/** An ordinary user, as which tests of root start the launcher. */
const ordinary = 1000

/** A store with the file of a model, a catalog, and a job of somebody else; and something that listens. */
let store: Awaited<ReturnType<typeof temporaryDirectory>>
let listener: Server
let connections = 0
let attempts: string
/** False on kernels that lack Landlock, or have it switched off. */
let hasLandlock: boolean
beforeAll(async () => {
  store = await temporaryDirectory()
  chmodSync(store.path, 0o755)
  for (const file of ['catalog.sqlite', 'other.onnx', 'own.onnx']) {
    writeFileSync(join(store.path, file), `the bytes of ${file}`)
    // Readable for all: the sandbox must forbid it, and not the mode.
    chmodSync(join(store.path, file), 0o666)
  }
  hasLandlock = launcher !== undefined && (await probe({ binary: launcher })).landlockAbi !== null
  attempts = String(await projectFile('test/hostile/probes/attempts.ts'))
  listener = createServer(() => {
    connections += 1
  })
  listener.listen(0, '::')
  await once(listener, 'listening')
})
afterAll(async () => {
  listener.close()
  await store.remove()
})

/** Probes the sandbox as the server does at its start. */
function probe(options: LauncherOptions): Promise<LauncherProtections> {
  return probeLauncher(options, store.path)
}

const inStore = (name: string) => join(store.path, name)
const outside = [`${projectRoot}/src/tureen-probe`, '/tmp/tureen-probe', '/dev/shm/tureen-probe', '/tureen-probe']

const noLandlock = 'the kernel has no Landlock, or it is off'

/** Makes a job whose files are links into the store, and tells what a probe in it tries to reach. */
function makeJob(script: string): { directory: string; script: string; target: ProbeTarget } {
  const made = evaluatorDirectory(store.path, script)
  linkSync(inStore('own.onnx'), join(made.directory, 'job/own.onnx'))
  symlinkSync(inStore('catalog.sqlite'), join(made.directory, 'job/link'))
  writeFileSync(join(made.directory, 'job/moved'), '')
  const target = {
    server: process.pid,
    own: '../job/own.onnx',
    foreign: ['catalog.sqlite', 'other.onnx', 'own.onnx'].map(inStore),
    folders: [store.path, projectRoot],
    places: ['probe', '../job/probe', '../probe', inStore('probe'), ...outside],
    port: (listener.address() as AddressInfo).port,
    socket: inStore('none.sock'),
    loader: evaluatorGrants().execute[1] ?? '/none',
  }
  return { ...made, target }
}

/** Returns what must not change: modes, times, lengths and owners of the store's files, and the names of all files. */
function stateOf(directory: string): unknown {
  const files = ['catalog.sqlite', 'other.onnx', 'own.onnx'].map(name => {
    const { mode, mtimeMs, ctimeMs, size, uid, gid, nlink } = statSync(inStore(name))
    return { name, mode, mtimeMs, ctimeMs, size, uid, gid, nlink }
  })
  return { files, names: globSync('**', { cwd: directory }).sort(), outside: outside.filter(path => existsSync(path)) }
}

/** Makes a launcher that another program starts, which leaves a file open. @param words the program and its first words */
function startedBy(name: string, words: string): string {
  const path = inStore(name)
  writeFileSync(path, `#!/bin/sh\nexec ${words} ${launcher} "$@" 9</etc/passwd\n`, { mode: 0o755 })
  return path
}

/** Makes a launcher that setpriv starts with these words. */
function through(name: string, words: string): string {
  return startedBy(name, `setpriv ${words}`)
}

/** Returns a launcher that first becomes an ordinary user, if root runs the tests. */
function ofOrdinaryUser(): string {
  return isRoot ? through('ordinary', `--reuid=${ordinary} --regid=${ordinary} --clear-groups`) : (launcher ?? '')
}

/** Runs the attempts of JavaScript in a sandbox. Returns the names of those that succeeded. */
async function attemptIn(options: LauncherOptions): Promise<{ succeeded: string[]; executed: boolean }> {
  const sandbox = createLauncher(options)
  const { target, ...job } = makeJob(attempts)
  const before = stateOf(job.directory)
  const child = await sandbox.start({ ...job, cpuSeconds: 60 })
  child.input.end(JSON.stringify(target))
  const [answers, errors] = await Promise.all([text(child.output), text(child.errors), child.exited])
  sandbox.close()
  expect(stateOf(job.directory)).toEqual(before)
  expect(answers, errors).toMatch(/^\[/)
  return { succeeded: JSON.parse(answers), executed: errors.includes('46662') }
}

/** Compiles a program of `probes/`. Returns its path; undefined where there is no C compiler. */
function compiled(name: string): string | undefined {
  const program = inStore(`compiled-${name}`)
  const source = `${projectRoot}/test/hostile/probes/${name}.c`
  try {
    execFileSync('cc', ['-std=gnu11', '-D_GNU_SOURCE', '-O1', '-static', '-o', program, source], { stdio: 'pipe' })
  } catch (error) {
    if (Object(error).code === 'ENOENT') return undefined
    throw error
  }
  return program
}

/** Returns where the launcher has the value of its last word NAME=VALUE in its memory, as soon as it runs. */
async function pointerTo(word: string, pid = 0): Promise<number> {
  await until('the launcher runs', async () => readlinkSync(`/proc/${pid}/exe`) === launcher)
  const words = readFileSync(`/proc/${pid}/cmdline`, 'latin1')
  // Field 48: where the words begin. See proc_pid_stat(5).
  const start = Number(readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]?.split(' ')[45])
  return start + words.lastIndexOf(`${word}\0`) + word.indexOf('=') + 1
}

/** Runs the program in the place of Node. Returns the names of calls that succeeded, and "done" as the last one. */
async function callIn(options: LauncherOptions, program: string): Promise<string[]> {
  const { target, ...job } = makeJob('')
  const before = stateOf(job.directory)
  const words = launcherWords(options).filter(word => !word.startsWith('command='))
  const serving = spawn(options.binary, ['serve', ...words, `execute=${program}`, `command=${program}`], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const send = (kind: number, number = 0, text = '') =>
    serving.stdin.write(encodeLauncherMessage({ kind, id: 1, words: [number, 0, 0, 0], text }))
  const pointer = await pointerTo(`command=${program}`, serving.pid)
  send(launcherRequest.start, 60, `${job.directory}\0${pointer.toString(16)}:${target.own}\0`)
  const [chunk] = await once(serving.stdout, 'data')
  const [event] = launcherMessageReader()(chunk)
  expect(event?.text).toBe('')
  const [, ...ends] = event?.words ?? []
  const { input, output, errors } = openLauncherPipes(serving.pid, ends)
  send(launcherRequest.opened)
  const [names, said] = await Promise.all([text(output), text(errors)])
  input.destroy()
  serving.stdin.end()
  expect(said).toBe('')
  expect(stateOf(job.directory)).toEqual(before)
  return names.trim().split('\n')
}

/** Capabilities that Docker gives to root. */
const ofDocker =
  'chown dac_override fowner fsetid kill setgid setuid setpcap net_bind_service net_raw sys_chroot mknod audit_write setfcap'

test.runIf(launcher !== undefined && isRoot)(
  'root in a container starts, limits and ends evaluators of another user',
  async () => {
    const granted = ofDocker.split(' ').map(name => `,+${name}`)
    const binary = through('contained', `--bounding-set -all${granted.join('')}`)
    const options = { binary, user: evaluatorUser }
    expect(await probe(options)).toMatchObject({ ownUser: true, seccomp: true })
    const contained = createLauncher(options)
    const child = await contained.start({ ...evaluatorDirectory(store.path, 'for (;;);'), cpuSeconds: 60 })
    await child.limitMemory(2 ** 30)
    expect(readFileSync(`/proc/${child.pid}/limits`, 'utf8')).toMatch(/Max data size +\d+ +\d+ +bytes/)
    child.kill()
    expect(await child.exited).toMatchObject({ signal: 'SIGKILL' })
    contained.close()
  },
)

test.runIf(launcher !== undefined).for([
  ['a container that listens by seccomp itself costs no isolation', 'listener'],
  ['where filters have no flags and there is no Landlock, system calls are restricted', 'plain'],
  ['where a kernel has seccomp and not all that came after it, system calls are restricted', 'old'],
] as const)('%s', async ([, kind], { skip }) => {
  const [container, program] = [compiled('as-in-container'), compiled('system-calls')]
  if (container === undefined || program === undefined) return skip('there is no C compiler')
  const ownUser = isRoot ? { user: evaluatorUser } : {}
  const options = { binary: startedBy(kind, `${container} ${kind}`), ...ownUser }
  const fileSystem = kind === 'listener' && hasLandlock
  expect(await probe(options)).toMatchObject({ seccomp: true, network: true, processes: true, fileSystem })
  const { succeeded, executed } = await attemptIn(options)
  expect(succeeded.filter(name => fileSystem || !/^(read|list|find) /.test(name))).toEqual([])
  expect(executed).toBe(false)
  // Without a listener, the launcher's pointer executes the program again, in the same sandbox.
  const calls = await callIn(fileSystem ? options : { ...options, landlockAbi: 0 }, program)
  expect(calls).toEqual(['(executed again)'])
})

test.runIf(launcher !== undefined && isRoot)('evaluators cannot take all files and threads of the system', async () => {
  const limited = createLauncher({ binary: launcher ?? '', user: evaluatorUser })
  const child = await limited.start({ ...evaluatorDirectory(store.path, 'for (;;);'), cpuSeconds: 60 })
  const limits = readFileSync(`/proc/${child.pid}/limits`, 'utf8')
  limited.close()
  const hardest = (name: string) => Number(limits.match(`${name} +\\d+ +(\\d+)`)?.[1])
  expect(hardest('Max open files')).toBeLessThanOrEqual(4096)
  expect(hardest('Max processes')).toBeLessThanOrEqual(4096)
  await child.exited
})

test.runIf(launcher !== undefined && isRoot)(
  'a root without the rights for another user says so at the start',
  async () => {
    const lacking = [
      ['-all', 'The launcher could not leave groups: Operation not permitted'],
      ['-all,+setuid,+setgid', 'The launcher could not end a process: Operation not permitted'],
    ] as const
    for (const [index, [bounds, reason]] of lacking.entries())
      await expect(
        probe({ binary: through(`lacking-${index}`, `--bounding-set ${bounds}`), user: evaluatorUser }),
      ).rejects.toThrow(reason)
  },
)

test.runIf(process.platform === 'linux')('page tables count as memory', async ({ skip }) => {
  const program = compiled('page-tables')
  if (program === undefined) return skip('there is no C compiler')
  const child = spawn(program, { stdio: ['pipe', 'ignore', 'ignore'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  const { mostBytes } = await new Promise<MemoryWatch>(resolve => {
    const memory = watchMemory(child.pid ?? 0, 100 << 20)
    const stop = memory.watch(() => {
      stop()
      resolve(memory)
    })
    child.stdin.write('x')
  })
  expect(mostBytes).toBeGreaterThan(100 << 20)
})

test('outside of a sandbox the attempts succeed', async () => {
  const { target, ...job } = makeJob(attempts)
  const child = spawn(process.execPath, [job.script], {
    cwd: join(job.directory, 'empty'),
    stdio: ['pipe', 'ignore', 'pipe', 'pipe'],
  })
  const answers = child.stdio[3]
  if (!(answers instanceof Readable)) throw new Error('it has no pipe')
  // It changes this file.
  rmSync(join(job.directory, 'job/own.onnx'))
  writeFileSync(join(job.directory, 'job/own.onnx'), 'its own')
  child.stdin?.end(JSON.stringify({ ...target, foreign: [], places: ['../job/probe'] }))
  const [succeeded, errors] = await Promise.all([json(answers), text(child.stderr ?? answers)])
  expect(succeeded).toEqual(
    expect.arrayContaining([
      'read environ of the server',
      'signal the server',
      'read /etc/passwd',
      'read through a link out of the job',
      'connect by TCP',
      'listen at a socket',
      'send by UDP',
      'start its own program',
      'start a program through the loader',
      'start a shell',
      'fork',
      'move to ../job/probe',
      'change the mode of ../job/own.onnx',
      'change the times of an open file',
    ]),
  )
  expect(errors).toContain('46662')
  expect(connections).toBeGreaterThan(0)
})

const users: [name: string, options: () => LauncherOptions][] = [
  ['as an ordinary user', () => ({ binary: ofOrdinaryUser() })],
  ['as root, with a user of its own', () => ({ binary: launcher ?? '', user: evaluatorUser })],
  ['as root, with its user', () => ({ binary: launcher ?? '' })],
  ['as root, with the right to search directories', () => ({ binary: launcher ?? '', searches: true })],
]

describe.skipIf(launcher === undefined).each(isRoot ? users : users.slice(0, 1))(
  'a script in the sandbox %s',
  (_, options) => {
    test.for([undefined, 1, 2])('reaches nothing by JavaScript, with Landlock as of ABI %s', async (abi, { skip }) => {
      if (!hasLandlock) return skip(noLandlock)
      connections = 0
      const limit = abi === undefined ? {} : { landlockAbi: abi }
      expect(await attemptIn({ ...options(), ...limit })).toEqual({ succeeded: [], executed: false })
      expect(connections).toBe(0)
    })

    test.for([undefined, 2, 0])('makes no call that it must not, with Landlock as of ABI %s', async (abi, { skip }) => {
      if (abi !== 0 && !hasLandlock) return skip(noLandlock)
      const program = compiled('system-calls')
      if (program === undefined) return skip('there is no C compiler')
      const limit = abi === undefined ? {} : { landlockAbi: abi }
      const found = options().searches ? ['(it has capabilities)'] : []
      expect(await callIn({ ...options(), ...limit }, program)).toEqual([...found, 'done'])
    })

    test('is known by a probe at the start of the server', async () => {
      const ownUser = options().user !== undefined
      const held = { seccomp: true, network: true, processes: true, ownUser }
      expect(await probe({ ...options(), landlockAbi: 0 })).toEqual({ ...held, fileSystem: false, landlockAbi: null })
      const found = await probe(options())
      expect(found).toEqual({ ...held, fileSystem: hasLandlock, landlockAbi: found.landlockAbi })
    })

    test('without Landlock reads files, and does nothing else', async () => {
      const { succeeded, executed } = await attemptIn({ ...options(), landlockAbi: 0 })
      expect(succeeded.filter(name => !/^(read|list|find) /.test(name))).toEqual([])
      expect(executed).toBe(false)
    })
  },
)
