import type { ClientSettings } from './settings.ts'

/** Returns the header that has the token of a client; none if the client has none, or names the header itself. */
export async function tokenHeaders({ token }: ClientSettings): Promise<Record<string, string>> {
  const text = typeof token === 'function' ? await token() : token
  return text === undefined || text === '' ? {} : { authorization: `Bearer ${text}` }
}
