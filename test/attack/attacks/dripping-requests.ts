import { setTimeout as delay } from 'node:timers/promises'
import { openSocket } from '../../support/raw-http.ts'
import { type SlowClient, sendSlowly } from '../../support/slow-clients.ts'
import type { Attack } from '../attack.ts'
import { attackTokens } from '../attack-servers.ts'

const each = 5
/** Headers and small bodies have 60 s in all. */
const patience = 80_000
const headers = `host: x\r\nauthorization: Bearer ${attackTokens[0]}\r\n`
const json = `POST /v1/merges HTTP/1.1\r\n${headers}content-type: application/json`
const form = `${headers}content-type: multipart/form-data; boundary=b`
const part = '--b\r\ncontent-disposition: form-data; name='

/** Requests that never end, each with what is sent at once and what is sent again and again. */
const behaviours: Record<string, { head: string; first?: string; piece: string }> = {
  'JSON that drips': { head: `${json}\r\ncontent-length: 900000`, first: '{"models":[', piece: ' ' },
  'JSON that drips in chunks': {
    head: `${json}\r\ntransfer-encoding: chunked`,
    first: '1\r\n{\r\n',
    piece: '1\r\n \r\n',
  },
  'JSON that never comes': { head: `${json}\r\ncontent-length: 10`, piece: '' },
  'JSON that lacks its last byte': { head: `${json}\r\ncontent-length: 3`, first: '{}', piece: '' },
  'JSON that is waited for': { head: `${json}\r\nexpect: 100-continue\r\ncontent-length: 10`, piece: '' },
  'YAML that drips': {
    head: `POST /v1/merges HTTP/1.1\r\n${headers}content-type: application/yaml\r\ncontent-length: 900000`,
    first: 'a: 1\n',
    piece: '#',
  },
  'headers that drip': { head: `GET /v1/models HTTP/1.1\r\n${headers}x: y`, piece: '' },
  'a form that drips': {
    head: `POST /v1/models HTTP/1.1\r\n${form}\r\ncontent-length: 900000`,
    first: `${part}"model"; filename="a"\r\n\r\n`,
    piece: 'x',
  },
  'a form whose head drips': {
    head: `POST /v1/models HTTP/1.1\r\n${form}\r\ncontent-length: 900000`,
    first: part,
    piece: 'x',
  },
  'a form whose recipe drips': {
    head: `POST /v1/soup HTTP/1.1\r\n${form}\r\ncontent-length: 900000`,
    first: `${part}"recipe"\r\n\r\n{`,
    piece: ' ',
  },
  'a form that never begins': { head: `POST /v1/soup HTTP/1.1\r\n${form}\r\ncontent-length: 900000`, piece: '\r\n' },
  'extensions of a chunk that drip': { head: `${json}\r\ntransfer-encoding: chunked`, first: '1;', piece: 'a' },
  'a trailer that drips': { head: `${json}\r\ntransfer-encoding: chunked`, first: '2\r\n{}\r\n0\r\nx: ', piece: 'a' },
  'a refused body that drips': { head: `POST /nowhere HTTP/1.1\r\n${headers}content-length: 900000`, piece: 'x' },
  'a body of a GET that drips': { head: `GET /v1/models HTTP/1.1\r\n${headers}content-length: 900000`, piece: 'x' },
}

export const drippingRequests: Attack = {
  name: 'dripping-requests',
  does: '75 requests of 15 kinds whose headers or bodies drip or never come, and 10 connections that say nothing; all are ended in 80 s.',
  server: 'guarded',
  async run(target, { problem, note }) {
    const before = target.descriptors().sockets
    const clients: { name: string; client: SlowClient }[] = []
    const silent = await Promise.all(Array.from({ length: 10 }, () => openSocket(target.url)))
    // A socket that nobody reads never hears that the server has ended it.
    for (const socket of silent) socket.resume()
    // Headers that never end: the last empty line is not sent.
    const unfinished = await Promise.all(Array.from({ length: each }, () => openSocket(target.url)))
    const header = setInterval(() => {
      for (const socket of unfinished) if (socket.writable) socket.write('x: y\r\n')
    }, 1_000)
    for (const socket of unfinished) {
      socket.resume()
      socket.write('GET /v1/models HTTP/1.1\r\nhost: x\r\n')
    }
    try {
      for (const [name, behaviour] of Object.entries(behaviours))
        for (let index = 0; index < each; index += 1)
          clients.push({ name, client: await sendSlowly(target.url, { ...behaviour, milliseconds: 1_000 }) })
      const started = performance.now()
      const left = () => {
        const names = clients.filter(({ client }) => !client.socket.destroyed).map(({ name }) => name)
        if (silent.some(socket => !socket.destroyed)) names.push('a connection that says nothing')
        if (unfinished.some(socket => !socket.destroyed)) names.push('headers that never end')
        return [...new Set(names)]
      }
      while (left().length > 0 && performance.now() - started < patience) await delay(250)
      for (const name of left()) problem(`${name} is held after ${patience / 1000} s`)
      note(
        `all were ended after ${((performance.now() - started) / 1000).toFixed(0)} s; ${target.descriptors().sockets - before} sockets more than before`,
      )
    } finally {
      clearInterval(header)
      for (const { client } of clients) client.stop()
      for (const socket of [...silent, ...unfinished]) socket.destroy()
    }
  },
}
