import type { Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { converse, openSocket } from '../../support/raw-http.ts'
import type { Attack } from '../attack.ts'

const flood = 2_600
const mostConnections = 2_048
const mostMegabytes = 100

/** Says nothing, half a request or a whole one on each connection. @returns the connections */
async function openAll(url: string): Promise<Socket[]> {
  const sockets: Socket[] = []
  const said = ['', 'GET /hea', 'GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n']
  try {
    for (let index = 0; index < flood; index += 1) {
      const socket = await openSocket(url)
      sockets.push(socket)
      socket.resume()
      const text = said[index % said.length] ?? ''
      if (text !== '') socket.write(text)
    }
    await delay(1_000)
    return sockets
  } catch (error) {
    for (const socket of sockets) socket.destroy()
    throw error
  }
}

export const connectionFlood: Attack = {
  name: 'connection-flood',
  does: 'Opens 2,600 connections that say nothing, half a request or a whole one; 2,048 are held, and probes are answered.',
  server: 'guarded',
  async flood(url) {
    for (const socket of await openAll(url)) socket.destroy()
  },
  async run(target, { problem, note }) {
    const before = target.residentMegabytes()
    const sockets = await openAll(target.url)
    try {
      const held = target.descriptors().sockets
      const growth = target.residentMegabytes() - before
      const { status } = await converse(
        target.url,
        'GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n',
        5_000,
      )
      note(
        `${held} sockets are held, ${growth.toFixed(0)} MB above before; a probe is answered with ${status || 'nothing'}`,
      )
      if (held > mostConnections + 100) problem(`${held} sockets are held`)
      if (growth > mostMegabytes) problem(`connections hold ${growth.toFixed(0)} MB`)
    } finally {
      for (const socket of sockets) socket.destroy()
    }
    await delay(500)
    const { status } = await converse(
      target.url,
      'GET /readyz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n',
      10_000,
    )
    if (status !== 200) problem(`after the flood /readyz is answered with ${status || 'nothing'}`)
  },
}
