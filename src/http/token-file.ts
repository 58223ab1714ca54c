import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import type { FastifyBaseLogger } from 'fastify'
import { parseTokens, type Token } from './tokens.ts'

/** Milliseconds between two reads of the token file. */
const lookMilliseconds = 1_000

/**
 * Reads the tokens of a file, one a line.
 * @throws Error that names the variable and not the file, since a user may have set the variable to the tokens themselves
 */
export function tokensInFile(path: string): Token[] {
  try {
    return parseTokens(readFileSync(path, 'utf8'))
  } catch (error) {
    throw new Error(`TUREEN_TOKENS_FILE: ${reasonOf(error)}.`)
  }
}

/** Tokens that may change while the server runs. */
export type TokenSource = {
  /** The tokens that are valid now. */
  current(): readonly Token[]
  /** Starts to watch the token file. */
  start(): void
  close(): void
}

/**
 * Returns a source that reads the token file again when its content changes. While the file cannot be read or has a mistake, the
 * previous tokens stay valid; the source logs each such change once, as an error.
 *
 * It polls every second, since a file watch misses mounted Kubernetes secrets: those change by a link in another directory.
 *
 * @param initial the tokens at the start
 * @param path the token file; undefined if the tokens never change
 */
export function tokenSource(
  initial: readonly Token[],
  path: string | undefined,
  log: Pick<FastifyBaseLogger, 'info' | 'error'>,
): TokenSource {
  let tokens = initial
  let seen = ''
  let timer: NodeJS.Timeout | undefined

  const take = (text: string) => {
    const before = identityOf(tokens)
    tokens = parseTokens(text)
    if (identityOf(tokens) !== before)
      log.info({ tokens: namesOf(tokens) }, 'the token file has changed; these tokens are valid now')
  }

  const look = async (file: string) => {
    const text = await readFile(file, 'utf8').catch((error: unknown) => new Error(reasonOf(error)))
    // The server keeps a digest of the text, so that no token stays in memory.
    const state = createHash('sha256').update(String(text)).digest('hex')
    if (state === seen) return
    seen = state
    try {
      if (text instanceof Error) throw text
      take(text)
    } catch (error) {
      const what =
        'the token file cannot be used, and the previous tokens stay valid; correct the file, the server reads it again'
      log.error({ reason: reasonOf(error), tokens: namesOf(tokens) }, what)
    }
  }

  const wait = (file: string) => {
    timer = setTimeout(async () => {
      await look(file)
      if (timer) wait(file)
    }, lookMilliseconds).unref()
  }

  return {
    current: () => tokens,
    start() {
      if (path !== undefined) wait(path)
    },
    close() {
      clearTimeout(timer)
      timer = undefined
    },
  }
}

function namesOf(tokens: readonly Token[]): string[] {
  return tokens.map(({ name }) => name)
}

function identityOf(tokens: readonly Token[]): string {
  return JSON.stringify(tokens.map(({ name, scope, digest }) => [name, scope, digest.toString('hex')]))
}

/** Returns the reason why a token file cannot be used. It quotes neither the file nor its name. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'cannot be read'
  return 'code' in error ? `the file cannot be read (${error.code})` : error.message
}
