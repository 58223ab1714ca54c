import { constants } from 'node:os'
import { styleText } from 'node:util'
import { TureenProblem } from '../client/index.ts'
import { connect, type PlaceOptions, type ServerConnection } from './connection.ts'
import { requireUnchanged } from './local-server.ts'
import { CommandFailure, errorLines, exitCodes, Interruption, UsageMistake } from './mistakes.ts'
import { standardStream } from './standard-streams.ts'
import { createReporter, type Reporter, type ReporterOptions } from './terminal.ts'
import { withVersions } from './version-difference.ts'

/** The tools of a running command. */
export type Session = Pick<ServerConnection, 'client' | 'kind' | 'local'> & {
  reporter: Reporter
  /** Aborts when a signal asks the command to end. */
  signal: AbortSignal
  /** Has this run after the command, however that ends; the last one first. */
  afterwards(run: () => Promise<unknown>): void
}

/** Options of every command. */
export type SessionOptions = PlaceOptions & ReporterOptions

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
  requireOneDocument(options)
  const prepared = await unlessInterrupted(signal, prepare())
  const connection = await connect(options)
  const last: (() => Promise<unknown>)[] = [() => connection.close()]
  try {
    signal.throwIfAborted()
    const { client, kind, local } = connection
    return await act({ client, kind, local, reporter, signal, afterwards: run => last.push(run) }, prepared)
  } catch (error) {
    if (signal.aborted) throw error
    // An input that changes meanwhile is the reason of whatever follows.
    await requireUnchanged(connection.local).catch((reason: unknown) => {
      if (reason instanceof CommandFailure) throw reason
    })
    throw await withVersions(error, connection.serverVersion)
  } finally {
    for (const run of last.reverse())
      await run().catch((error: unknown) => reporter.warn([`not everything was removed: ${errorLines(error)[0]}`]))
  }
}

/** Checks that one thing goes to standard output. @throws UsageMistake */
function requireOneDocument({ json, ndjson, output }: SessionOptions): void {
  if (json && ndjson) throw new UsageMistake('--json and --ndjson exclude each other. Leave one out.')
  if (output === standardStream && (json || ndjson))
    throw new UsageMistake(
      `-o - writes the model to standard output, where --${json ? 'json' : 'ndjson'} writes, too. Name a file, or leave that out.`,
    )
}

/** Waits for the arguments. Standard input may be a pipe that never ends. */
function unlessInterrupted<Prepared>(signal: AbortSignal, prepared: Promise<Prepared>): Promise<Prepared> {
  const interrupted = new Promise<never>((_, reject) =>
    signal.addEventListener('abort', () => reject(signal.reason), { once: true }),
  )
  return Promise.race([prepared, interrupted])
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
