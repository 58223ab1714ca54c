import type { Usage } from '../schemas/service.ts'
import { sharedValue } from './store.ts'

const key = 'tureen-token'

/** The token that the user has entered; empty if there is none. It lives as long as the tab: the page keeps it in sessionStorage only. */
export const token = sharedValue(sessionStorage.getItem(key) ?? '')
token.subscribe(() => {
  if (token.get() === '') sessionStorage.removeItem(key)
  else sessionStorage.setItem(key, token.get())
})

/** Why the server asks for a token; undefined while it does not. */
export const tokenRefusal = sharedValue<string | undefined>(undefined)

/** Name and scope of the token, as the server knows it: null on a server without tokens, undefined while unknown. */
export const ownToken = sharedValue<Usage['token'] | undefined>(undefined)

/** True if the server lets this user create, change and delete. While that is unknown, the page offers it. */
export function mayWrite(): boolean {
  const known = ownToken.get()
  return known === undefined || known === null || known.scope === 'write' || known.scope === 'admin'
}
