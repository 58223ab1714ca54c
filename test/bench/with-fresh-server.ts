import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type SpawnedServer, spawnServer } from '../support/server.ts'

/**
 * Runs `use` with a server that has just started, on a data directory of its own. Both are gone afterwards.
 * @param signal kills the server
 */
export async function withFreshServer<Result>(
  workspace: string,
  signal: AbortSignal,
  use: (server: SpawnedServer) => Promise<Result>,
  variables: Record<string, string> = {},
): Promise<Result> {
  const data = await mkdtemp(join(workspace, 'data-'))
  const server = await spawnServer(data, variables)
  const kill = () => server.process.kill('SIGKILL')
  signal.addEventListener('abort', kill)
  try {
    return await use(server)
  } finally {
    signal.removeEventListener('abort', kill)
    server.process.kill('SIGTERM')
    await server.exited
    await rm(data, { recursive: true, force: true })
  }
}
