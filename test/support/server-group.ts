import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { requireOwnProcesses } from './own-processes.ts'
import { projectRoot, type SpawnedServer, serverVariables, spawnServer, temporaryDirectory } from './server.ts'
import { until } from './store-client.ts'

/** A server that was started without waiting for it to serve. */
export type LaunchedServer = {
  process: ChildProcess
  output: string[]
  /** Resolves when it has ended and all of its output has been read. */
  ended: Promise<{ code: number | null; signal: string | null }>
}

/** Data directories and server processes of a test file. All of them are removed even if a test fails. */
export function serverGroup() {
  const processes = new Set<ChildProcess>()
  const directories: { remove(): Promise<void> }[] = []
  return {
    async data(): Promise<string> {
      const directory = await temporaryDirectory()
      directories.push(directory)
      return directory.path
    },
    /** @param root the directory of the program; undefined for this project */
    async start(data: string, variables: Record<string, string> = {}, root?: string): Promise<SpawnedServer> {
      const server = await spawnServer(data, variables, root)
      processes.add(server.process)
      return server
    },
    launch(data: string, variables: Record<string, string> = {}): LaunchedServer {
      requireOwnProcesses()
      const child = spawn(process.execPath, ['src/server.ts'], {
        cwd: projectRoot,
        env: { ...serverVariables, TUREEN_DATA: data, ...variables },
        stdio: ['ignore', 'pipe', 'pipe'],
      })
      processes.add(child)
      const output: string[] = []
      child.stdout.on('data', chunk => output.push(String(chunk)))
      child.stderr.on('data', chunk => output.push(String(chunk)))
      return { process: child, output, ended: once(child, 'close').then(([code, signal]) => ({ code, signal })) }
    },
    async remove(): Promise<void> {
      for (const child of processes) {
        if (child.exitCode !== null || child.signalCode !== null) continue
        child.kill('SIGKILL')
        await once(child, 'exit')
      }
      for (const directory of directories) await directory.remove()
    },
  }
}

/** Kills a server, as a power cut would, and waits for its end. */
export async function killServer({ process, exited }: SpawnedServer): Promise<void> {
  process.kill('SIGKILL')
  await exited
}

/** Asks a server to end. @returns its exit code, and the number of milliseconds until its end */
export async function stopServer({ process, exited }: SpawnedServer): Promise<{ code: number | null; took: number }> {
  const started = performance.now()
  process.kill('SIGTERM')
  const { code } = await exited
  return { code, took: performance.now() - started }
}

/** True if a server has logged these words. */
export function says({ logs }: SpawnedServer, words: string): boolean {
  return logs.some(line => line.includes(words))
}

/** Words that a server logs when it has waited eight seconds for running requests. */
export const cutOff = 'closes the connections of requests that are still running'

/** True if an ended server had to cut requests off. The seconds that it took would depend on the machine. */
export async function hasCutOff(server: SpawnedServer): Promise<boolean> {
  await until('the server says that it is closed', () => says(server, '"msg":"the server has stopped"'))
  return says(server, cutOff)
}

/** Returns the files in a data directory: names of unfinished files, and digests of content. */
export async function filesIn(data: string): Promise<{ incoming: string[]; content: string[] }> {
  const shards = await readdirIfThere(join(data, 'content'))
  const names = await Promise.all(shards.map(shard => readdirIfThere(join(data, 'content', shard))))
  return {
    incoming: (await readdirIfThere(join(data, 'incoming'))).sort(),
    content: names
      .flat()
      .map(name => `sha256:${name}`)
      .sort(),
  }
}

async function readdirIfThere(directory: string): Promise<string[]> {
  try {
    return await readdir(directory)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return []
    throw error
  }
}
