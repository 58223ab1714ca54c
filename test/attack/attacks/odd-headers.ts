import { leastStall, mostStallOfOne } from '../../support/least-stall.ts'
import { linearModel } from '../../support/onnx-model.ts'
import { converse } from '../../support/raw-http.ts'
import type { Attack } from '../attack.ts'

/** Bytes of one header: all headers together have 16 KiB. */
const most = 15_000
const fill = (item: string, separator = ', ') =>
  Array.from({ length: Math.floor(most / (item.length + separator.length)) }, () => item).join(separator)

/** Headers that are long lists, or no lists at all, for whatever reads them. */
const headers: readonly [name: string, value: string][] = [
  ['range', `bytes=${fill('0-0', ',')}`],
  ['range', `bytes=${fill('-1', ',')}`],
  ['range', `bytes=0-${'9'.repeat(10_000)}`],
  ['range', `bytes=${fill('5-1', ',')}`],
  ['range', `bytes=${'-'.repeat(most)}`],
  ['range', `${'a'.repeat(most)}=0-1`],
  ['if-range', '"'.repeat(most)],
  ['if-none-match', fill('"a"')],
  ['if-none-match', `W/${fill('"', '')}`],
  ['if-match', fill('W/"a"')],
  ['if-match', `"${'\\'.repeat(most)}`],
  ['accept', fill('a/b;q=0.1')],
  ['accept', fill('*/*;q=0.0001')],
  ['accept', `text/html;${fill('a=b', ';')}`],
  ['accept', ' '.repeat(most)],
  ['accept-encoding', fill('gzip;q=1')],
  ['accept-language', fill('en;q=0.1')],
  ['authorization', `Bearer ${'a'.repeat(most)}`],
  ['authorization', `Basic ${'='.repeat(most)}`],
  ['authorization', ' '.repeat(most)],
  ['cookie', fill('a=b', '; ')],
  ['content-type', `multipart/form-data; ${fill('boundary=a', '; ')}`],
  ['content-type', `multipart/form-data; boundary="${'\\"'.repeat(most / 2)}`],
  ['content-type', `application/json; ${fill('a="b"', '; ')}`],
  ['content-digest', fill('sha-256=:AAAA:')],
  ['content-digest', `sha-256=${'('.repeat(most)}`],
  ['content-digest', `sha-256=:${'A'.repeat(most)}:`],
  ['repr-digest', fill('a=1')],
  ['idempotency-key', 'a'.repeat(most)],
  ['idempotency-key', `"${'\\'.repeat(most)}`],
  ['last-event-id', '9'.repeat(most)],
  ['x-request-id', 'a'.repeat(most)],
  ['x-forwarded-for', fill('127.0.0.1')],
  ['x-forwarded-proto', fill('https')],
  ['origin', `http://${fill('a', '.')}`],
  ['sec-fetch-site', fill('none')],
  ['expect', fill('100-continue')],
  ['connection', fill('close')],
  ['upgrade', fill('websocket')],
  ['traceparent', `00-${'a'.repeat(most)}`],
]

export const oddHeaders: readonly Attack[] = [
  {
    name: 'odd-headers',
    does: 'Sends 40 headers of 15 KB that are long lists, or none, to reads and writes; each is answered without a stall or a failure.',
    server: 'open',
    async run(target, { problem, note }) {
      const id = await target.upload(linearModel([1], [1]))
      const requests = [`GET /v1/models/${id}/content`, `GET /v1/models/${id}`, 'POST /v1/merges', 'POST /v1/models']
      let slowest = { name: '', stall: 0 }
      for (const [name, value] of headers) {
        const send = async () => {
          for (const request of requests) {
            const said = `${request} HTTP/1.1\r\nhost: localhost\r\n${name}: ${value}\r\ncontent-length: 0\r\n\r\n`
            const { status } = await converse(target.url, said)
            if (status === 0 || Number.isNaN(status) || status >= 500)
              problem(`${request} with a long ${name} was answered with ${status}`)
          }
        }
        const stall = await leastStall(() => target.stallOf(send))
        if (stall > slowest.stall) slowest = { name, stall }
        if (stall > mostStallOfOne) problem(`a long ${name} held the loop for ${stall.toFixed(0)} ms`)
      }
      note(`the slowest, ${slowest.name}, held the loop for ${slowest.stall.toFixed(0)} ms`)
    },
  },
]
