import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type Postgres, startPostgres } from '../support/postgres.ts'
import { type S3Server, startS3 } from '../support/s3.ts'
import { evaluating, type SpawnedServer, spawnServer } from '../support/server.ts'

/** The database and the S3 server of the benches. */
export type RealParts = { postgres: Postgres; s3: S3Server }

/** Returns a function that starts the real parts at its first call. @param signal removes them */
export function realParts(signal: AbortSignal): () => Promise<RealParts> {
  let started: Promise<RealParts> | undefined
  const start = async () => {
    const [postgres, s3] = await Promise.all([startPostgres(), startS3()])
    signal.addEventListener('abort', () => void Promise.all([postgres.remove(), s3.remove()]))
    return { postgres, s3 }
  }
  return () => {
    started ??= start()
    return started
  }
}

/** Servers of one store. `api`: serves clients, and runs no jobs; `restartWorkers`: the new ones have empty data directories. */
export type Clustered = { api: SpawnedServer; restartWorkers(): Promise<void> }

/**
 * Runs `use` with an API server and workers that have just started, on an empty database and an empty bucket. All are gone afterwards.
 * @param signal kills the servers
 */
export async function withFreshCluster<Result>(
  { postgres, s3 }: RealParts,
  { workspace, workers, signal }: { workspace: string; workers: number; signal: AbortSignal },
  use: (cluster: Clustered) => Promise<Result>,
): Promise<Result> {
  const variables = {
    ...s3.variables,
    ...evaluating,
    TUREEN_DATABASE_URL: await postgres.createDatabase(),
    TUREEN_CONTENT: `s3://${await s3.createBucket()}`,
  }
  const running = new Map<SpawnedServer, string>()
  const kill = () => {
    for (const { process } of running.keys()) process.kill('SIGKILL')
  }
  const start = async (role: string) => {
    const data = await mkdtemp(join(workspace, 'cluster-'))
    const server = await spawnServer(data, { ...variables, TUREEN_ROLE: role })
    running.set(server, data)
    return server
  }
  const stop = async (server: SpawnedServer) => {
    server.process.kill('SIGTERM')
    await server.exited
    await rm(running.get(server) ?? '', { recursive: true, force: true })
    running.delete(server)
  }
  signal.addEventListener('abort', kill)
  try {
    const api = await start('api')
    const startWorkers = () => Promise.all(Array.from({ length: workers }, () => start('worker')))
    let present = await startWorkers()
    return await use({
      api,
      async restartWorkers() {
        await Promise.all(present.map(stop))
        present = await startWorkers()
      },
    })
  } finally {
    await Promise.all([...running.keys()].map(stop))
    signal.removeEventListener('abort', kill)
  }
}
