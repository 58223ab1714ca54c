import { rmSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createClient, type TureenClient, TureenConnectionError } from '../client/index.ts'
import { unixSocketTransport } from '../client/unix-socket-transport.ts'
import { type LocalServer, localServer } from './local-server.ts'
import { CommandFailure, fileReason, UsageMistake } from './mistakes.ts'
import { versionOf } from './version-difference.ts'

/** Where a command works: on a server, or on one inside this process. */
export type ServerConnection = {
  client: TureenClient
  /** `temporary`: a server inside this process whose store goes when it ends. `named`: with a store that stays. */
  kind: 'remote' | 'temporary' | 'named'
  /** Further requests of a server inside this process; null for others. */
  local: LocalServer | null
  /** Returns the version of the server; undefined if it is that of this command, or unknown. */
  serverVersion(): Promise<string | undefined>
  close(): Promise<void>
}

/** Options that say where a command works. */
export type PlaceOptions = { server?: string | undefined; tokenFile?: string | undefined; store?: string | undefined }

/** Connects to the server that the options or the environment name; without one, starts one inside this process. */
export async function connect({ store, ...options }: PlaceOptions): Promise<ServerConnection> {
  const server = options.server ?? (store === undefined ? process.env['TUREEN_URL'] : undefined)
  if (server === undefined || server === '') return embed(store)
  if (store !== undefined) throw new UsageMistake('--server and --store exclude each other. Leave one out.')
  return connectTo(server, await readToken(options.tokenFile))
}

async function connectTo(server: string, token: string | undefined): Promise<ServerConnection> {
  if (!/^https?:$/.test(URL.parse(server)?.protocol ?? ''))
    throw new UsageMistake(`${server} is no address of a server. Write one such as http://127.0.0.1:3000.`)
  const settings = { url: server, token }
  try {
    await createClient({ ...settings, retry: { retries: 0 }, silenceSeconds: 20 }).getLiveness()
  } catch (error) {
    if (!(error instanceof TureenConnectionError)) throw error
    throw new CommandFailure(`The server ${server} cannot be used.`, [
      error.message,
      'Start it, or correct --server or TUREEN_URL. Without both, the command needs no server.',
    ])
  }
  return {
    client: createClient(settings),
    kind: 'remote',
    local: null,
    serverVersion: () => versionOf(server, token),
    close: async () => undefined,
  }
}

/** Returns the token that the environment or a file has; undefined without one. A token is no option, since others can read options. */
async function readToken(option: string | undefined): Promise<string | undefined> {
  const { TUREEN_TOKEN: token, TUREEN_TOKEN_FILE: variable } = process.env
  const file = option ?? (token ? undefined : variable)
  if (!file) return token || undefined
  try {
    return (await readFile(file, 'utf8')).trim()
  } catch (error) {
    throw new UsageMistake(`The file of the token ${file} cannot be read: ${fileReason(error)}.`)
  }
}

async function embed(store: string | undefined): Promise<ServerConnection> {
  const own = await makePrivateDirectory(tmpdir())
  const directories = [own]
  // The second signal, and errors that nobody foresaw, end the process without `close`.
  process.once('exit', () => {
    for (const directory of directories) rmSync(directory, { recursive: true, force: true })
  })
  const isShort = Buffer.byteLength(join(own, 'socket')) <= longestSocketPath
  if (!isShort) directories.push(await makePrivateDirectory('/tmp'))
  const socket = join(directories.at(-1) ?? own, 'socket')
  // Loads the service, which commands on a server do not need.
  const { startEmbeddedServer } = await import('./embedded-server.ts')
  try {
    const server = await startEmbeddedServer(resolve(store ?? join(own, 'store')), socket, store === undefined)
    const transport = unixSocketTransport(socket)
    return {
      client: createClient({ url: 'http://localhost', transport }),
      local: localServer(transport),
      kind: store === undefined ? 'temporary' : 'named',
      serverVersion: async () => undefined,
      async close() {
        await server.close()
        await Promise.all(directories.map(each => rm(each, { recursive: true, force: true })))
      },
    }
  } catch (error) {
    throw new CommandFailure(error instanceof Error ? error.message : String(error))
  }
}

/** Most bytes of a socket's path; macOS allows 104 with the byte at its end. */
const longestSocketPath = 103

/** Makes a new directory of mode 0700. */
async function makePrivateDirectory(parent: string): Promise<string> {
  try {
    return await mkdtemp(join(parent, 'tureen-'))
  } catch (error) {
    throw new CommandFailure(
      `${parent} takes no temporary files: ${fileReason(error)}. Set TMPDIR to another directory.`,
    )
  }
}
