import { createClient, TureenConnectionError, TureenProblem } from '../client/index.ts'
import { serverUrl } from './place.ts'
import { ownToken, token, tokenRefusal } from './session.ts'
import { sharedValue } from './store.ts'

/** Milliseconds between two tries to reach a server that does not answer. */
const retryMilliseconds = 2_000

/** The client of the page. It sends the token that the user has entered. */
export const client = createClient({
  url: serverUrl,
  token: () => token.get(),
  // The page says at once that the server does not answer, and tries again by itself.
  retry: { retries: 1, minSeconds: 0.2, maxRetryAfter: 5 },
})

/**
 * The connection to the server. `since`: when it was last lost, or came back; undefined if it was never lost. `tries`: how often views
 * had a reason to load again.
 */
export type ServerConnectionState = { isLost: boolean; since: Date | undefined; tries: number }

export const connection = sharedValue<ServerConnectionState>({ isLost: false, since: undefined, tries: 0 })

/** Says that the server does not answer. The page asks again and again until it does. */
function loseConnection(): void {
  const { isLost, tries } = connection.get()
  if (isLost) return
  connection.set({ isLost: true, since: new Date(), tries })
  const ask = async () => {
    try {
      await client.getLiveness()
      connection.set({ isLost: false, since: new Date(), tries: tries + 1 })
    } catch {
      setTimeout(ask, retryMilliseconds)
    }
  }
  setTimeout(ask, retryMilliseconds)
}

/**
 * Acts on an error that concerns the whole page: the server does not answer, or refuses the token.
 * @returns true if the error was one of these, so that a view need not show it
 */
export function handledByPage(error: unknown): boolean {
  if (error instanceof TureenConnectionError) loseConnection()
  else if (error instanceof TureenProblem && error.status === 401) refuseToken()
  else return false
  return true
}

function refuseToken(): void {
  const isKnown = token.get() !== ''
  tokenRefusal.set(
    isKnown
      ? 'The server does not take this token, or no longer. Enter another one.'
      : 'The server asks for a token. Its operator gives them out.',
  )
}

/** Takes a token, and asks the server whose it is. An empty text forgets the token. */
export function enterToken(text: string): void {
  token.set(text.trim())
  tokenRefusal.set(undefined)
  void learnToken()
  // Views that were refused load again.
  const { isLost, since, tries } = connection.get()
  connection.set({ isLost, since, tries: tries + 1 })
}

/** Asks the server for name and scope of the token. */
export async function learnToken(): Promise<void> {
  ownToken.set(undefined)
  try {
    ownToken.set((await client.getUsage()).token)
  } catch (error) {
    handledByPage(error)
  }
}
