import { once } from 'node:events'
import type { Server } from 'node:net'

/** Makes a server listen on a free port of `host`, and returns the port. */
export async function listenOn(server: Server, host = '127.0.0.1'): Promise<number> {
  await once(server.listen(0, host), 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port was given')
  return address.port
}
