import { constants } from 'node:os'
import { styleText } from 'node:util'
import { TureenProblem } from '../client/index.ts'
import { connect, type PlaceOptions, type ServerConnection } from './connection.ts'
import { errorLines, exitCodes, Interruption, UsageMistake } from './mistakes.ts'
import { createReporter, type Reporter } from './terminal.ts'
import { withVersions } from './version-difference.ts'

/** The tools of a running command. */
export type Session = Pick<ServerConnection, 'client' | 'kind'> & {
  reporter: Reporter
  /** Aborts when a signal asks the command to end. */
  signal: AbortSignal
  /** Has this run after the command, however that ends; the last one first. */
  afterwards(run: () => Promise<unknown>): void
}

/** Options of every command. */
export type SessionOptions = PlaceOptions & { json: boolean; quiet: boolean }

/** Signals that end a command. The command first cancels its job and removes what it has made so far. */
const endingSignals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/**
 * Runs a command to its end, and ends the process.
 * @param prepare checks the arguments before a server is needed
 * @param act resolves with the exit code
 */
export async function runSession<Prepared>(
  name: string,
  options: SessionOptions,
  prepare: () => Promise<Prepared>,
  act: (session: Session, prepared: Prepared) => Promise<number>,
): Promise<never> {
  const reporter = createReporter(options)
  const controller = new AbortController()
  for (const signal of endingSignals)
    process.on(signal, () => {
      const interruption = new Interruption(signal, constants.signals[signal])
      if (controller.signal.aborted) process.exit(interruption.exitCode)
      controller.abort(interruption)
    })
  process.stdout.on('error', () => {
    process.stderr.write(`tureen ${name}: standard output was closed before the command ended\n`)
    process.exit(exitCodes.failed)
  })
  try {
    const code = await connected(options, reporter, controller.signal, prepare, act)
    reporter.clear()
    return process.exit(code)
  } catch (error) {
    reporter.clear()
    const reason: unknown = controller.signal.aborted ? controller.signal.reason : error
    if (reason instanceof Interruption) return process.exit(reason.exitCode)
    writeError(`tureen ${name}`, reason, reporter)
    return process.exit(reason instanceof UsageMistake ? exitCodes.usage : exitCodes.failed)
  }
}

async function connected<Prepared>(
  options: SessionOptions,
  reporter: Reporter,
  signal: AbortSignal,
  prepare: () => Promise<Prepared>,
  act: (session: Session, prepared: Prepared) => Promise<number>,
): Promise<number> {
  const prepared = await prepare()
  const connection = await connect(options)
  const last: (() => Promise<unknown>)[] = [() => connection.close()]
  try {
    signal.throwIfAborted()
    const { client, kind } = connection
    return await act({ client, kind, reporter, signal, afterwards: run => last.push(run) }, prepared)
  } catch (error) {
    throw signal.aborted ? error : await withVersions(error, connection.serverVersion)
  } finally {
    for (const run of last.reverse())
      await run().catch((error: unknown) => reporter.warn([`not everything was removed: ${errorLines(error)[0]}`]))
  }
}

/** Writes an error with its causes, and what to do about a token. */
function writeError(name: string, error: unknown, { readable }: Reporter): void {
  const [finding = '', ...causes] = errorLines(error).map(readable)
  const mark = styleText('red', `${name}:`, { stream: process.stderr })
  process.stderr.write(`${mark} ${finding}\n`)
  for (const cause of causes) process.stderr.write(`  ${cause}\n`)
  if (error instanceof TureenProblem && error.status === 401)
    process.stderr.write('  Set TUREEN_TOKEN, or name a file with the token by TUREEN_TOKEN_FILE or --token-file.\n')
}
