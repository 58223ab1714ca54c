import pino from 'pino'
import { showHelp } from './command-line.ts'
import { type Config, readConfig, storePlace } from './config.ts'
import { environment, secretVariables } from './configuration/environment.ts'
import { unknownArguments } from './configuration/unknown-arguments.ts'
import { holdDataDirectory } from './storage/data-directory.ts'
import { startFromReserve } from './storage/reserve.ts'

async function serve(config: Config): Promise<void> {
  const log = pino({ level: config.logLevel })
  if (config.tokens.length > 0 && config.tokensFile === undefined)
    log.warn('other processes can read TUREEN_TOKENS in the environment of the server; set TUREEN_TOKENS_FILE instead')
  const directory = await startFromReserve(config.dataDirectory, () =>
    holdDataDirectory(config.dataDirectory, storePlace(config)),
  )
  // A directory that is in use is refused at once, before the service is loaded.
  const { createApp } = await import('./app.ts')
  const app = await createApp(config, directory, log, Date.now, error => {
    log.fatal({ err: error }, 'the server ends because its catalog cannot be used any longer')
    process.exit(1)
  })

  let closing = false
  const close = (signal: NodeJS.Signals) => {
    if (closing) return
    closing = true
    log.info({ signal }, 'the server is stopping: running requests finish, running jobs go back to the queue')
    const cutOff = () => {
      log.warn('the server closes the connections of requests that are still running')
      app.server.closeAllConnections()
      setTimeout(() => process.exit(0), 500)
    }
    setTimeout(cutOff, config.shutdownMilliseconds).unref()
    app.close().then(
      () => {
        log.info('the server has stopped')
        process.exit(0)
      },
      (error: unknown) => {
        log.fatal({ err: error }, 'the server failed to stop cleanly')
        process.exit(1)
      },
    )
  }
  process.on('SIGTERM', close)
  process.on('SIGINT', close)

  // A burst of new connections waits in the system while the server is busy. Beyond the backlog, clients try again only after a second.
  const backlog = config.maximumConnections
  const url = await app.listen({ host: config.host, port: config.port, backlog })
  await directory.announce(url)
  log.info({ url, data: directory.path, tokens: config.tokens.map(({ name }) => name) }, 'Tureen is serving')
}

const usage = `usage: npm start
  The server takes no arguments. Set environment variables, such as PORT=8080 npm start; docs/reference/configuration.md lists them.`

/** Starts the server, which ends the process when it stops, or in one line if it cannot start. */
export async function startServer(variables: Record<string, string | undefined>): Promise<void> {
  try {
    const config = readConfig(variables)
    // Child processes inherit the environment, and must not see tokens and passwords. The kernel shows them on.
    for (const name of secretVariables) delete process.env[name]
    await serve(config)
  } catch (error) {
    process.stderr.write(`tureen: ${error instanceof Error ? error.message : String(error)}\n`)
    process.exit(1)
  }
}

if (import.meta.main) {
  showHelp(usage)
  const refusal = unknownArguments(process.argv.slice(2), Object.keys(environment.shape))
  if (refusal !== undefined) {
    process.stderr.write(`tureen: ${refusal}\n`)
    process.exit(2)
  }
  await startServer(process.env)
}
