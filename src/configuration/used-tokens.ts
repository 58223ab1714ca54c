import { isLoopback } from '../http/addresses.ts'
import { tokensInFile } from '../http/token-file.ts'
import { type Token, tokenForm } from '../http/tokens.ts'

/**
 * Returns the tokens that the server accepts; none if it serves all clients.
 * @throws Error if the settings are unsafe or contradict each other, or if the file cannot be read; it never contains a token
 */
export function usedTokens(given: {
  HOST: string
  TUREEN_AUTH: 'tokens' | 'none'
  TUREEN_TOKENS?: readonly Token[] | undefined
  TUREEN_TOKENS_FILE?: string | undefined
}): readonly Token[] {
  const { HOST, TUREEN_AUTH, TUREEN_TOKENS, TUREEN_TOKENS_FILE } = given
  if (TUREEN_TOKENS !== undefined && TUREEN_TOKENS_FILE !== undefined)
    throw new Error('TUREEN_TOKENS and TUREEN_TOKENS_FILE are both set; set one of them.')
  const tokens = TUREEN_TOKENS_FILE === undefined ? (TUREEN_TOKENS ?? []) : tokensInFile(TUREEN_TOKENS_FILE)
  if (TUREEN_AUTH === 'none' && tokens.length > 0)
    throw new Error('TUREEN_AUTH=none would leave the tokens that are set unused; unset one or the other.')
  if (TUREEN_AUTH === 'tokens' && tokens.length === 0 && !isLoopback(HOST)) {
    throw new Error(
      `With HOST=${HOST} other machines can reach the server, and nothing says who may use it. Set TUREEN_TOKENS_FILE to a file with lines ${tokenForm} (make a token with: openssl rand -hex 32); or TUREEN_AUTH=none with TUREEN_HOSTS, if something in front of it lets only the right requests through; or HOST=127.0.0.1.`,
    )
  }
  return tokens
}
