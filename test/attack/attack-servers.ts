import { accountLimit } from '../support/store-account.ts'

/** Tokens of the guarded server, one for each client that shares its limits. */
export const attackTokens = ['first', 'second', 'third', 'fourth'].map(name => `${name}-0123456789abcdef`)

/**
 * The servers that are attacked, each started once, by their settings. `open` serves everybody on loopback; `guarded` has four clients with
 * tokens; `small` is soon full.
 */
export const attackServers = {
  open: { TUREEN_MAX_STORE_BYTES: String(accountLimit) },
  guarded: {
    TUREEN_MAX_STORE_BYTES: String(accountLimit),
    TUREEN_TOKENS: attackTokens.map((token, index) => `client${index}:admin:${token}`).join(','),
  },
  small: {
    TUREEN_MAX_STORE_BYTES: String(8 * 2 ** 20),
    TUREEN_MAX_QUEUED_JOBS: '20',
    TUREEN_JOBS: '1',
    TUREEN_EVAL_SECONDS: '3',
    TUREEN_EVAL_MEMORY: String(256 * 2 ** 20),
  },
} satisfies Record<string, Record<string, string>>

export type AttackServerKind = keyof typeof attackServers
