import type { IncomingMessage } from 'node:http'

/** Waits for something that comes with further bytes of a body, and lets the body flow meanwhile. */
export type WaitFor = <Arrival>(arrival: Promise<Arrival>) => Promise<Arrival>

/**
 * Returns a function that lets the body of a form flow only while a reader waits. The form's parser takes small parts as fast as they arrive;
 * without pauses it would hold thousands of them in memory while the server stores the first ones.
 */
export function flowOnDemand(request: IncomingMessage): WaitFor {
  return async arrival => {
    // Parts that the parser holds already arrive in this turn of the event loop, and need no further bytes.
    const nextTurn = setImmediate(() => request.resume())
    try {
      return await arrival
    } finally {
      clearImmediate(nextTurn)
      request.pause()
    }
  }
}
