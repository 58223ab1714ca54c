import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { requireOwnProcesses } from './own-processes.ts'
import { projectRoot, type SpawnedServer, serverVariables, temporaryDirectory, untilServing } from './server.ts'

/** A server in its own process that measures how long its event loop is blocked. */
export type WatchedServer = Pick<SpawnedServer, 'url' | 'process' | 'logs'> & {
  data: string
  /**
   * Runs something and returns the longest time that the event loop was blocked by it, in milliseconds of processor time of the main
   * thread. Other programs on a busy machine do not add to it.
   */
  longestStall(run: () => Promise<unknown>): Promise<number>
  /** Returns the longest time that the event loop was blocked since the last call, in the same milliseconds. */
  stallSinceAsked(): Promise<number>
  stop(): Promise<void>
}

const preload = fileURLToPath(new URL('./watch-stalls.ts', import.meta.url))

/** Arguments of Node with which a server tells how long its event loop is blocked: its script ends in `server.ts`. */
export const stallWatch = ['--max-semi-space-size=1', '--import', preload]

export async function startWatched(variables: Record<string, string> = {}): Promise<WatchedServer> {
  requireOwnProcesses()
  const directory = await temporaryDirectory()
  const child = spawn(process.execPath, [...stallWatch, 'src/server.ts'], {
    cwd: projectRoot,
    env: { ...serverVariables, TUREEN_DATA: directory.path, ...variables },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
  const { url, logs, exited } = await untilServing(child)
  const ask = async (): Promise<number> => {
    const answer = once(child, 'message')
    child.send('ask')
    return Number((await answer)[0])
  }
  return {
    url,
    process: child,
    logs,
    stallSinceAsked: ask,
    data: directory.path,
    async longestStall(run) {
      await ask()
      await run()
      return ask()
    },
    async stop() {
      child.kill('SIGKILL')
      await exited
      await directory.remove()
    },
  }
}
