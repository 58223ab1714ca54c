import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { requireOwnProcesses } from './own-processes.ts'

/** The root of the project, without a slash at the end. */
export const projectRoot = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '')

/** Makes a temporary directory. @returns its path, and a function that removes it */
export async function temporaryDirectory(): Promise<{ path: string; remove(): Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), 'tureen-test-'))
  return { path, remove: () => rm(path, { recursive: true, force: true }) }
}

/** Keeps one evaluator warm instead of one for each processor: each costs a fifth of a second, and few tests evaluate. */
const oneEvaluator = { TUREEN_EVAL_THREADS: String(availableParallelism()) }

/** Keeps one evaluator warm for each processor, as the default does. For tests of parallel candidates and of scores. */
export const evaluating = { TUREEN_EVAL_THREADS: '1' }

/** A server inside this process. `data`: its data directory; `database`: the address of its catalog in PostgreSQL, null for SQLite. */
export type InsideServer = { url: string; data: string; database: string | null; close(): Promise<void> }

/**
 * Starts the service inside this process, on a free port. For all tests that do not need to kill it. Its threads outlive it, unless it
 * has limits of its own for them.
 *
 * @param logs gets the lines that the server logs; TUREEN_LOG_LEVEL says which
 */
export async function startApp(
  variables: Record<string, string> = {},
  clock?: () => number,
  logs?: string[],
): Promise<InsideServer> {
  // Tests of single parts and tools use this file too. They need not load the 1,300 modules of the service.
  const { serveInside } = await import('./served-inside.ts')
  return serveInside({ ...oneEvaluator, ...variables }, clock, logs)
}

export type SpawnedServer = {
  url: string
  process: ChildProcess
  logs: string[]
  exited: Promise<{ code: number | null; signal: string | null }>
}

/** Environment of a server in its own process, without its data directory. */
export const serverVariables = {
  PATH: process.env.PATH,
  HOST: '127.0.0.1',
  PORT: '0',
  // Tests ask again and again.
  TUREEN_RATE_LIMIT: '0',
  ...oneEvaluator,
  // As `npm start` has it.
  NODE_COMPILE_CACHE: 'node_modules/.cache/compile',
  MALLOC_ARENA_MAX: '2',
  MALLOC_MMAP_THRESHOLD_: '131072',
  MALLOC_TRIM_THRESHOLD_: '131072',
}

/**
 * Starts the service as `npm start` does, in its own process on a free port. Rejects with its output if it does not start.
 * @param root the directory of the program
 */
export async function spawnServer(
  data: string,
  variables: Record<string, string> = {},
  root = projectRoot,
): Promise<SpawnedServer> {
  requireOwnProcesses()
  const child = spawn(process.execPath, ['--max-semi-space-size=1', 'src/server.ts'], {
    cwd: root,
    env: { ...serverVariables, TUREEN_DATA: data, ...variables },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  return untilServing(child)
}

/** Waits until a new server process serves. Rejects with its output if it does not start. */
export async function untilServing(child: ChildProcess): Promise<SpawnedServer> {
  const { stdout, stderr } = child
  if (!stdout || !stderr) throw new TypeError('the server has no pipes to read from')
  const logs: string[] = []
  stderr.on('data', chunk => logs.push(String(chunk)))
  const exited = once(child, 'exit').then(([code, signal]) => ({ code, signal }))
  const url = await new Promise<string>((resolve, reject) => {
    createInterface({ input: stdout }).on('line', line => {
      logs.push(line)
      // What npm prints before the server does is no JSON.
      if (!line.startsWith('{')) return
      const { msg, url } = JSON.parse(line)
      if (msg === 'Tureen is serving') resolve(url)
    })
    exited.then(({ code }) => reject(new Error(`the server ended with ${code}: ${logs.join('\n')}`)))
  })
  return { url, process: child, logs, exited }
}

/** Reads a file of the project, such as examples/digits/ft0.onnx. */
export function projectFile(path: string): Promise<Buffer<ArrayBuffer>> {
  return readFile(join(projectRoot, path))
}
