import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chown, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { Client } from 'pg'
import { listenOn } from './listening.ts'
import { pgbouncerProgram, postgresPrograms } from './real-parts.ts'

const run = promisify(execFile)

/** A PostgreSQL server of the tests. */
export type Postgres = {
  port: number
  /** The address of a database, with the user and password of the tests. */
  url(database: string): string
  /** Creates an empty database. @returns its address */
  createDatabase(options?: string): Promise<string>
  start(): Promise<void>
  /** Stops the server at once: it ends all connections. */
  stop(): Promise<void>
  /** Stops the server and removes its directory. */
  remove(): Promise<void>
}

const password = 'a-secret-of-tests'
let databases = 0

/** Creates an empty database in the server of a `url`. @returns its address */
export async function createDatabase(url: string, options = ''): Promise<string> {
  databases += 1
  const name = `test_${process.pid}_${databases}`
  const client = new Client(url)
  await client.connect()
  await client.query(`create database ${name} ${options}`)
  await client.end()
  return url.replace(/[^/]*$/, name)
}

/** Removes a database, and ends the connections to it. */
export async function dropDatabase(url: string): Promise<void> {
  const client = new Client(url.replace(/[^/]*$/, 'postgres'))
  await client.connect()
  await client.query(`drop database ${new URL(url).pathname.slice(1)} with (force)`)
  await client.end()
}

/** Makes a PostgreSQL server in a temporary directory, and starts it on a free port. It refuses root, which so becomes the user postgres. */
export async function startPostgres(): Promise<Postgres> {
  const programs = postgresPrograms()
  if (programs === undefined) throw new Error(`PostgreSQL is not installed`)
  const user = await unprivileged()
  const directory = await mkdtemp(join(tmpdir(), 'tureen-postgres-'))
  if (user.uid !== undefined && user.gid !== undefined) await chown(directory, user.uid, user.gid)
  const [data, secret] = [join(directory, 'data'), join(directory, 'password')]
  await writeFile(secret, password)
  const words = ['-D', data, '-U', 'tureen', '-A', 'scram-sha-256', `--pwfile=${secret}`, '-E', 'UTF8', '--no-sync']
  await run(join(programs, 'initdb'), [...words, '--locale=C.UTF-8'], { ...user, cwd: directory })
  const port = await freePort()
  const url = (database: string) => `postgres://tureen:${password}@127.0.0.1:${port}/${database}`
  const settings = { listen_addresses: '127.0.0.1', port, unix_socket_directories: directory, max_connections: 200 }
  // A power cut of the tests' machine loses the tests, too.
  const quick = { fsync: 'off', full_page_writes: 'off', synchronous_commit: 'off', shared_buffers: '32MB' }
  let server: ChildProcess | undefined
  const postgres: Postgres = {
    port,
    url,
    createDatabase: options => createDatabase(url('postgres'), options),
    async start() {
      const given = Object.entries({ ...settings, ...quick }).flatMap(([name, value]) => ['-c', `${name}=${value}`])
      server = spawn(join(programs, 'postgres'), ['-D', data, ...given], { ...user, cwd: directory, stdio: 'ignore' })
      await untilAnswering(url('postgres'))
    },
    async stop() {
      if (!server || server.exitCode !== null) return
      const ended = once(server, 'exit')
      // https://www.postgresql.org/docs/current/server-shutdown.html
      server.kill('SIGINT')
      await ended
    },
    async remove() {
      await postgres.stop()
      await rm(directory, { recursive: true, force: true })
    },
  }
  await postgres.start()
  return postgres
}

/** Returns the user postgres for programs that refuse root; none if the tests do not run as root. */
async function unprivileged(): Promise<{ uid?: number; gid?: number }> {
  if (userInfo().uid !== 0) return {}
  const id = async (option: string) => Number((await run('id', [option, 'postgres'])).stdout)
  return { uid: await id('-u'), gid: await id('-g') }
}

/** A pooler in front of a PostgreSQL server. `url`: the address of a database behind it. */
export type Pooler = { url(database: string): string; remove(): Promise<void> }

/** Starts pgbouncer in transaction mode before the PostgreSQL server of a `url`. Each database gets two connections. */
export async function startPooler(url: string): Promise<Pooler> {
  const program = pgbouncerProgram()
  if (program === undefined) throw new Error('pgbouncer is not installed')
  const user = await unprivileged()
  const directory = await mkdtemp(join(tmpdir(), 'tureen-pgbouncer-'))
  const [settings, users] = [join(directory, 'pgbouncer.ini'), join(directory, 'users')]
  const port = await freePort()
  const { hostname, port: behind } = new URL(url)
  await writeFile(users, `"tureen" "${password}"\n`)
  await writeFile(
    settings,
    `[databases]
* = host=${hostname} port=${behind}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = ${users}
pool_mode = transaction
default_pool_size = 2
`,
  )
  for (const path of [directory, settings, users])
    if (user.uid !== undefined && user.gid !== undefined) await chown(path, user.uid, user.gid)
  const pooler = spawn(program, [settings], { ...user, cwd: directory, stdio: 'ignore' })
  const at = (database: string) => `postgres://tureen:${password}@127.0.0.1:${port}/${database}`
  await untilAnswering(at('postgres'))
  return {
    url: at,
    async remove() {
      const ended = once(pooler, 'exit')
      pooler.kill('SIGKILL')
      await ended
      await rm(directory, { recursive: true, force: true })
    },
  }
}

async function freePort(): Promise<number> {
  const server = createServer()
  const port = await listenOn(server)
  server.close()
  return port
}

async function untilAnswering(url: string): Promise<void> {
  for (let tries = 0; ; tries += 1) {
    const client = new Client(url)
    try {
      await client.connect()
      return await client.end()
    } catch (error) {
      if (tries === 300) throw error
      await delay(100)
    }
  }
}
