import { isLoopback } from '../http/addresses.ts'

/**
 * Refuses settings that let any web page use a server without tokens.
 * @throws Error that names the settings and says what to set instead
 */
export function refuseUnsafeForBrowsers(
  given: { HOST: string; TUREEN_HOSTS: readonly string[]; TUREEN_CORS_ORIGINS: readonly string[] },
  hasTokens: boolean,
): void {
  if (hasTokens) return
  if (given.TUREEN_CORS_ORIGINS.includes('*'))
    throw new Error(
      'TUREEN_CORS_ORIGINS=* lets every web page use a server without tokens. Name the origins, such as https://tureen.example, or set TUREEN_TOKENS_FILE.',
    )
  if (!isLoopback(given.HOST) && given.TUREEN_HOSTS.length === 0)
    throw new Error(
      `With HOST=${given.HOST} and TUREEN_AUTH=none the server must know its names, or web pages can reach it under names of their own (DNS rebinding). Set TUREEN_HOSTS to the names that clients use, such as TUREEN_HOSTS=tureen.example; or set TUREEN_TOKENS_FILE; or HOST=127.0.0.1.`,
    )
}
