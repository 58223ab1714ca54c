import pino from 'pino'
import { createApp } from '../src/app.ts'
import { readConfig } from '../src/config.ts'
import { secretVariables } from '../src/configuration/environment.ts'
import { holdDataDirectory } from '../src/storage/data-directory.ts'

/** Variables of a server that mean something to an embedded one too. */
const passedOn = [
  'TUREEN_EVAL_MEMORY',
  'TUREEN_EVAL_SECONDS',
  'TUREEN_EVAL_THREADS',
  'TUREEN_ISOLATION',
  'TUREEN_JOBS',
  'TUREEN_LOG_LEVEL',
  'TUREEN_SEARCH_MEMORY',
  'TUREEN_TASK_SECONDS',
]

/**
 * Starts the service inside this process, on a Unix socket. Whoever may open the directory of the socket may do everything.
 *
 * @param store its data directory
 * @param isTemporary true if the store goes with the command
 * @throws Error that says why the store cannot be used
 */
export async function startEmbeddedServer(
  store: string,
  socketPath: string,
  isTemporary: boolean,
): Promise<{ close(): Promise<void> }> {
  const given = Object.fromEntries(passedOn.map(name => [name, process.env[name]]))
  // Child processes inherit the environment, and must not see tokens and passwords.
  for (const name of [...secretVariables, 'TUREEN_TOKEN']) delete process.env[name]
  const config = readConfig({
    TUREEN_LOG_LEVEL: 'silent',
    ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)),
    TUREEN_DATA: store,
    TUREEN_MAX_UPLOAD_BYTES: String(2 ** 49),
    TUREEN_RATE_LIMIT: '0',
    TUREEN_SHUTDOWN_SECONDS: '0',
    TUREEN_UPLOAD_SHARE: '1',
    TUREEN_VERIFY_DAYS: '0',
  })
  const log = pino({ level: config.logLevel }, pino.destination(2))
  const directory = await holdDataDirectory(config.dataDirectory)
  const onUnusable = (error: unknown) => {
    process.stderr.write(`tureen: the store ${store} cannot be used any longer: ${reasonOf(error)}\n`)
    process.exit(1)
  }
  const app = await createApp(config, directory, log, Date.now, onUnusable, undefined, { durable: !isTemporary })
  await app.listen({ path: socketPath })
  return { close: () => app.close() }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
