import assert from 'node:assert'
import { execFileSync, fork, spawnSync } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import fs from 'node:fs'
import { connect, createServer, type NetConnectOpts } from 'node:net'
import { getPriority, setPriority } from 'node:os'
import type { ProbeTarget } from '../../support/sandbox.ts'

/**
 * Runs in an evaluator's place, and tries by JavaScript what an evaluator must not do. It reads a ProbeTarget as JSON from descriptor 0, and
 * writes the names of attempts that succeed to descriptor 3. Attempts that succeed change only files and places of the target.
 */
const { server, own, foreign, folders, places, port, socket, loader }: ProbeTarget = JSON.parse(
  fs.readFileSync(0, 'utf8'),
)

/** A descriptor of a file that the launcher may have been started with. */
const openAtStart = 9

type Attempt = [name: string, attempt: () => unknown]

async function connected(options: NetConnectOpts): Promise<void> {
  const connection = connect(options)
  await once(connection, 'connect')
  connection.destroy()
}

async function listening(where: { port: number } | { path: string }): Promise<void> {
  const listener = createServer().listen(where)
  await once(listener, 'listening')
  listener.close()
}

async function sent(): Promise<void> {
  const sender = createSocket('udp4')
  const failed = once(sender, 'error').then(([error]) => Promise.reject(error))
  await Promise.race([failed, new Promise<void>(resolve => sender.send('x', port, '127.0.0.1', () => resolve()))])
}

function ran({ error, status }: { error?: Error; status: number | null }): void {
  if (error || status !== 0) throw error ?? new Error(`it ended with ${status}`)
}

const { O_RDONLY, O_TRUNC } = fs.constants
const processes: Attempt[] = [server, process.ppid].flatMap((pid, index) => {
  const whose = index === 0 ? 'the server' : 'the parent'
  const opened = ['environ', 'mem', 'maps', 'cmdline', 'status'].map(
    (file): Attempt => [`read ${file} of ${whose}`, () => fs.openSync(`/proc/${pid}/${file}`, 'r')],
  )
  return [
    ...opened,
    [`list descriptors of ${whose}`, () => fs.readdirSync(`/proc/${pid}/fd`)],
    [`find the program of ${whose}`, () => fs.readlinkSync(`/proc/${pid}/exe`)],
    [`signal ${whose}`, () => process.kill(pid, 0)],
    [`set the priority of ${whose}`, () => setPriority(pid, getPriority(pid))],
  ]
})
const reads: Attempt[] = [
  ...[...foreign, '/etc/passwd', '/proc/self/environ', '/proc/self/root/etc/passwd'].map(
    (path): Attempt => [`read ${path}`, () => fs.readFileSync(path)],
  ),
  ...[...folders, '/', '/proc', '..', '.'].map((path): Attempt => [`list ${path}`, () => fs.readdirSync(path)]),
  ['read through a link out of the job', () => fs.readFileSync('../job/link')],
]
const left: Attempt[] = [['keep a file that was open at its start', () => assert(fs.fstatSync(openAtStart).isFile())]]
const changes: Attempt[] = [own, ...foreign].flatMap((path): Attempt[] => [
  [`open ${path} for writing`, () => fs.openSync(path, 'r+')],
  [`append to ${path}`, () => fs.appendFileSync(path, 'x')],
  [`change the mode of ${path}`, () => fs.chmodSync(path, 0o640)],
  [`change the owner of ${path}`, () => fs.chownSync(path, process.getuid?.() ?? 0, process.getgid?.() ?? 0)],
  [`change the times of ${path}`, () => fs.utimesSync(path, 1, 1)],
  [`change the times of the link ${path}`, () => fs.lutimesSync(path, 1, 1)],
  [`truncate ${path}`, () => fs.truncateSync(path, 1)],
  [`truncate ${path} as it is opened`, () => fs.openSync(path, O_RDONLY | O_TRUNC)],
])
const openChanges: Attempt[] = [
  ['change the mode of an open file', () => fs.fchmodSync(fs.openSync(own, 'r'), 0o640)],
  ['change the owner of an open file', () => fs.fchownSync(fs.openSync(own, 'r'), process.getuid?.() ?? 0, 0)],
  ['change the times of an open file', () => fs.futimesSync(fs.openSync(own, 'r'), 1, 1)],
  ['truncate an open file', () => fs.ftruncateSync(fs.openSync(own, 'r'))],
]
const writes: Attempt[] = places.flatMap((path): Attempt[] => [
  [`write ${path}`, () => fs.writeFileSync(path, '')],
  [`remove ${path}`, () => fs.unlinkSync(path)],
  [`make a directory at ${path}`, () => fs.mkdirSync(path)],
  [`remove the directory ${path}`, () => fs.rmdirSync(path)],
  [`link symbolically at ${path}`, () => fs.symlinkSync(own, path)],
  [`link at ${path}`, () => fs.linkSync(own, `${path}-linked`)],
  [`copy to ${path}`, () => fs.copyFileSync(own, `${path}-copied`)],
  [`move to ${path}`, () => fs.renameSync('../job/moved', `${path}-moved`)],
])
const network: Attempt[] = [
  ['connect by TCP', () => connected({ port, host: '127.0.0.1' })],
  ['connect by TCP over IPv6', () => connected({ port, host: '::1' })],
  ['connect to a socket', () => connected({ path: socket })],
  ['connect to an abstract socket', () => connected({ path: `\0${socket}` })],
  ['listen by TCP', () => listening({ port: 0 })],
  ['listen at a socket', () => listening({ path: '../job/listener' })],
  ['send by UDP', sent],
]
const others: Attempt[] = [
  ...[-1, 0, 1, process.pid].map((pid): Attempt => [`signal ${pid}`, () => process.kill(pid, 0)]),
  ['start its own program', () => ran(spawnSync(process.execPath, ['--version']))],
  ['start a program through the loader', () => ran(spawnSync(loader, [process.execPath, '--version']))],
  ['start a shell', () => execFileSync('/bin/sh', ['-c', 'true'])],
  ['fork', () => once(fork(own, { silent: true }), 'spawn')],
  ['raise its priority', () => setPriority(process.pid, -1)],
  ['set its user', () => process.setuid?.(0)],
  ['set its group', () => process.setgid?.(0)],
  ['set its groups', () => process.setgroups?.([0])],
]

const succeeded: string[] = []
// Sockets report some failures again.
process.on('uncaughtException', () => undefined)
for (const [name, attempt] of [
  ...left,
  ...processes,
  ...reads,
  ...network,
  ...others,
  ...writes,
  ...openChanges,
  ...changes,
])
  try {
    await Promise.race([attempt(), new Promise((_, reject) => setTimeout(() => reject(new Error('too late')), 500))])
    succeeded.push(name)
  } catch {}
fs.writeSync(3, `${JSON.stringify(succeeded)}\n`)
// It replaces the program, which then writes 46662 as an error, or ends it.
process.execve?.(process.execPath, [process.execPath, '-e', 'require("node:fs").writeSync(2, String(6 * 7777))'])
