import { setTimeout as delay } from 'node:timers/promises'
import { type Postgres, startPostgres } from '../support/postgres.ts'
import type { Random } from '../support/random.ts'
import { type S3Server, startS3 } from '../support/s3.ts'
import type { SpawnedServer } from '../support/server.ts'
import { killServer, serverGroup, stopServer } from '../support/server-group.ts'

/**
 * A place for one server of the cluster. Whoever kills its server starts another one there, with the same data directory. `program`:
 * directory of the program that serves there; undefined for this project.
 */
type Post = { role: 'api' | 'worker'; data: string; program: string | undefined; server: SpawnedServer | undefined }

/** Replicas that serve the API, and workers that run the jobs. */
const roles = ['api', 'api', 'worker', 'worker', 'worker'] as const

/** A database, an S3 server, two API replicas and three workers, as processes on this machine. */
export type ChaosCluster = {
  /** The addresses of the replicas that are up. */
  replicas(): string[]
  /** Kills a server as a power cut would, and starts it again. @returns what was done, in words */
  kill(role: Post['role'], random: Random): Promise<string>
  /** Stops a worker for so long that others take its jobs over, and lets it go on. */
  freeze(random: Random, seconds: number): Promise<string>
  /** Stops the database at once, and starts it again. */
  restartDatabase(seconds: number): Promise<string>
  /** Stops the S3 server, and starts it again. */
  stopContent(seconds: number): Promise<string>
  /** Stops a server of the earlier version cleanly, and starts this version in its place. @returns what was done; undefined if none is left */
  upgrade(random: Random): Promise<string | undefined>
  /** Stops all servers cleanly, and starts them again in this version. */
  restartAll(): Promise<void>
  /** Lines that servers have logged about their own faults. */
  faults(): string[]
  content: { s3: S3Server; bucket: string }
  remove(): Promise<void>
}

/**
 * Starts the parts of a cluster on an empty database and an empty bucket.
 * @param earlier directory of the version that its servers start with; undefined for this one
 */
export async function startChaosCluster(earlier: string | undefined): Promise<ChaosCluster> {
  const [postgres, s3] = await Promise.all([startPostgres(), startS3()])
  const servers = serverGroup()
  const remove = async () => {
    await servers.remove()
    await Promise.all([postgres.remove(), s3.remove()])
  }
  try {
    return await startServers(postgres, s3, servers, earlier, remove)
  } catch (error) {
    await remove()
    throw error
  }
}

async function startServers(
  postgres: Postgres,
  s3: S3Server,
  servers: ReturnType<typeof serverGroup>,
  earlier: string | undefined,
  remove: () => Promise<void>,
): Promise<ChaosCluster> {
  const [database, bucket] = [await postgres.createDatabase(), await s3.createBucket()]
  const variables = {
    ...s3.variables,
    TUREEN_DATABASE_URL: database,
    TUREEN_CONTENT: `s3://${bucket}`,
    TUREEN_QUARANTINE_DAYS: '0',
    TUREEN_SWEEP_SECONDS: '1',
  }
  const started: SpawnedServer[] = []
  const start = async (post: Post) => {
    const server = await servers.start(post.data, { ...variables, TUREEN_ROLE: post.role }, post.program)
    started.push(server)
    post.server = server
  }
  const posts: Post[] = []
  for (const role of roles) posts.push({ role, data: await servers.data(), program: earlier, server: undefined })
  // All at once, as an orchestrator does it.
  await Promise.all(posts.map(start))

  const stop = async (post: Post) => {
    const { server } = post
    post.server = undefined
    if (server) await stopServer(server)
    post.program = undefined
  }
  const serving = (role: Post['role']) => posts.filter(post => post.role === role && post.server)
  return {
    content: { s3, bucket },
    replicas: () => serving('api').flatMap(({ server }) => server?.url ?? []),
    async kill(role, random) {
      const post = random.pick(serving(role))
      const { server } = post
      post.server = undefined
      if (server) await killServer(server)
      await delay(random.integer(0, 2000))
      await start(post)
      return `${role} killed`
    },
    async freeze(random, seconds) {
      const { server } = random.pick(serving('worker'))
      server?.process.kill('SIGSTOP')
      await delay(seconds * 1000)
      server?.process.kill('SIGCONT')
      return 'worker frozen'
    },
    async restartDatabase(seconds) {
      await postgres.stop()
      await delay(seconds * 1000)
      await postgres.start()
      return 'database restarted'
    },
    async stopContent(seconds) {
      await s3.stop()
      await delay(seconds * 1000)
      await s3.start()
      return 'S3 stopped'
    },
    async upgrade(random) {
      const outdated = posts.filter(({ program }) => program !== undefined)
      if (outdated.length === 0) return undefined
      const post = random.pick(outdated)
      await stop(post)
      await start(post)
      return `${post.role} upgraded`
    },
    async restartAll() {
      await Promise.all(posts.map(stop))
      await Promise.all(posts.map(start))
    },
    faults: () => started.flatMap(({ logs }) => logs.filter(isFault)),
    remove,
  }
}

/** True if a line tells of an error that no fault around the server explains. */
function isFault(line: string): boolean {
  return (
    line.includes('with an unexpected error') || line.includes('TUREEN_INTERNAL') || line.includes('UnhandledPromise')
  )
}
