import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import type { FastifyBaseLogger } from 'fastify'
import { parseTokens, type Token } from './tokens.ts'

/** A changed file is noticed within about this time. */
const lookMilliseconds = 1_000

/**
 * The tokens in a file, one a line.
 * @throws Error that names the variable, not the file: someone may have put the tokens themselves in place of its name
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
  /** Starts to look for changes. */
  start(): void
  close(): void
}

/**
 * Reads a token file again whenever its content changes. A file that cannot be read, or holds a mistake, leaves the tokens of
 * before valid, and is logged as an error, once for each change.
 *
 * It reads the file every second instead of waiting to be told: a mounted Kubernetes secret changes by a link in another directory.
 *
 * @param initial the tokens that were read at the start
 * @param path undefined: the tokens never change
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
    // The digest, not the text: the server keeps no token.
    const state = createHash('sha256').update(String(text)).digest('hex')
    if (state === seen) return
    seen = state
    try {
      if (text instanceof Error) throw text
      take(text)
    } catch (error) {
      const what =
        'the token file is broken, so that the tokens of before stay valid; correct it, it will be read again'
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

/** Why a token file cannot be used. No part of the file, and not its name, is quoted. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'cannot be read'
  return 'code' in error ? `the file cannot be read (${error.code})` : error.message
}
