import pino from 'pino'
import { showHelp } from './command-line.ts'
import { type Config, environment, readConfig } from './config.ts'
import { unknownArguments } from './configuration/unknown-arguments.ts'
import { holdDataDirectory } from './storage/data-directory.ts'
import { startFromReserve } from './storage/reserve.ts'

/** What is still open this long after SIGTERM is cut off, so that the process is gone within ten seconds. */
const closeMilliseconds = 8_000

async function serve(config: Config): Promise<void> {
  const log = pino({ level: config.logLevel })
  const directory = await startFromReserve(config.dataDirectory, () => holdDataDirectory(config.dataDirectory))
  // The service takes longer to load than a directory takes to be refused.
  const { createApp } = await import('./app.ts')
  const app = await createApp(config, directory, log, Date.now, error => {
    log.fatal({ err: error }, 'the server ends: its catalog is damaged')
    process.exit(1)
  })

  let closing = false
  const close = (signal: NodeJS.Signals) => {
    if (closing) return
    closing = true
    log.info({ signal }, 'closing: running requests finish, running jobs are put back')
    const cutOff = () => {
      log.warn('requests are still running and are cut off')
      app.server.closeAllConnections()
      setTimeout(() => process.exit(0), 500)
    }
    setTimeout(cutOff, closeMilliseconds).unref()
    app.close().then(
      () => {
        log.info('closed')
        process.exit(0)
      },
      (error: unknown) => {
        log.fatal({ err: error }, 'closing failed')
        process.exit(1)
      },
    )
  }
  process.on('SIGTERM', close)
  process.on('SIGINT', close)

  const url = await app.listen({ host: config.host, port: config.port })
  await directory.announce(url)
  log.info({ url, data: directory.path, tokens: config.tokens.map(({ name }) => name) }, 'Tureen is serving')
}

const usage = `usage: npm start
  The server takes no arguments. Set environment variables, such as PORT=8080 npm start; docs/reference/configuration.md lists them.`

if (import.meta.main) {
  showHelp(usage)
  const refusal = unknownArguments(process.argv.slice(2), Object.keys(environment.shape))
  if (refusal !== undefined) {
    process.stderr.write(`tureen: ${refusal}\n`)
    process.exit(2)
  }
  try {
    const config = readConfig(process.env)
    // What is compared are digests; the tokens themselves are nobody's business any more, child processes' least of all.
    delete process.env['TUREEN_TOKENS']
    await serve(config)
  } catch (error) {
    process.stderr.write(`tureen: ${error instanceof Error ? error.message : String(error)}\n`)
    process.exit(1)
  }
}
