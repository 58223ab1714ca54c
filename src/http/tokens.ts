import { createHash, timingSafeEqual } from 'node:crypto'

/** Scopes of tokens. */
export const scopes = ['read', 'score', 'write', 'admin'] as const

export type TokenScope = (typeof scopes)[number]

/** All scopes that each scope includes. Neither of `read` and `score` includes the other. */
const included: Readonly<Record<TokenScope, readonly TokenScope[]>> = {
  read: ['read'],
  score: ['score'],
  write: ['read', 'score', 'write'],
  admin: scopes,
}

/** A token as the server keeps it: its name, its scope, and the SHA-256 digest of the secret that the client sends. */
export type Token = Readonly<{ name: string; scope: TokenScope; digest: Buffer }>

export const tokenForm = 'NAME:SCOPE:TOKEN or NAME:SCOPE:sha256:HEX'

const namePattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/
/** Form of a bearer token (RFC 6750), with at least 16 characters so that nobody can guess it. */
const secretPattern = /^[A-Za-z0-9._~+/-]{16,512}={0,2}$/
const digestPattern = /^sha256:[0-9a-f]{64}$/i

/**
 * Reads a list of tokens, each written as {@link tokenForm}, separated by commas or line ends. Lines that begin with # are comments.
 * @throws Error that names an entry by its number, since any part of a wrong entry may be the secret
 */
export function parseTokens(text: string): Token[] {
  const lines = text.split(/\r?\n/).filter(line => !line.trimStart().startsWith('#'))
  const entries = lines.flatMap(line => line.split(',').map(entry => entry.trim())).filter(entry => entry !== '')
  if (entries.length === 0) throw new Error(`has no token; write ${tokenForm}`)
  const tokens = entries.map((entry, index) => parseToken(entry, index + 1))
  refuseSecond(
    tokens.map(({ name }) => name),
    'name',
  )
  refuseSecond(
    tokens.map(({ digest }) => digest.toString('hex')),
    'token',
  )
  return tokens
}

function refuseSecond(values: readonly string[], what: string): void {
  const second = values.findIndex((value, index) => values.indexOf(value) < index)
  if (second >= 0) throw new Error(`entry ${second + 1} has the ${what} of one before it`)
}

function parseToken(entry: string, number: number): Token {
  const [, name = '', scopeName = '', secret = ''] = /^([^:]*):([^:]*):(.*)$/.exec(entry) ?? []
  const scope = scopes.find(each => each === scopeName)
  if (!namePattern.test(name) || scope === undefined)
    throw new Error(
      `entry ${number} is not written ${tokenForm}, with a name of letters, digits, or . _ - and a scope of ${scopes.join(', ')}`,
    )
  if (digestPattern.test(secret)) return { name, scope, digest: Buffer.from(secret.slice('sha256:'.length), 'hex') }
  if (!secretPattern.test(secret))
    throw new Error(
      `entry ${number} has a token that is not 16 to 512 letters, digits, or . _ ~ + / - (make one with: openssl rand -hex 32)`,
    )
  return { name, scope, digest: digestOf(secret) }
}

/** Returns the token that a client has sent; undefined if it is unknown. The time does not depend on the answer, so it reveals no token. */
export function findToken(tokens: readonly Token[], sent: string): Token | undefined {
  const digest = digestOf(sent)
  const matches = tokens.filter(token => timingSafeEqual(token.digest, digest))
  return matches[0]
}

/** True if the scope `has` includes the scope `needs`. */
export function includesScope(has: TokenScope, needs: TokenScope): boolean {
  return included[has].includes(needs)
}

function digestOf(secret: string): Buffer {
  return createHash('sha256').update(secret).digest()
}
