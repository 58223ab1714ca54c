import { linearModel } from '../../support/onnx-model.ts'
import { openSocket, readAnswer } from '../../support/raw-http.ts'
import type { Attack } from '../attack.ts'

const length = (text: string) => Buffer.byteLength(text)

/**
 * Requests whose end two readers may see in two places; what stands behind one reader's end is `hidden`. A server must refuse them, or see
 * the hidden part as part of the body.
 */
const ambiguous = (head: string, hidden: string): [string, string][] => {
  const chunked = `0\r\n\r\n${hidden}`
  const both = (lines: string, body = chunked) => `${head}${lines}\r\n\r\n${body}`
  const encoding = (value: string) => both(`content-length: ${length(chunked)}\r\n${value}`)
  return [
    ['a length and chunks', both(`content-length: ${length(chunked)}\r\ntransfer-encoding: chunked`)],
    ['chunks and a length', both(`transfer-encoding: chunked\r\ncontent-length: ${length(chunked)}`)],
    ['two different lengths', both(`content-length: 0\r\ncontent-length: ${length(hidden)}`, hidden)],
    ['two equal lengths', both('content-length: 1\r\ncontent-length: 1', `x${hidden}`)],
    ['a list of lengths', both('content-length: 1, 1', `x${hidden}`)],
    ['a length with a sign', both('content-length: +1', `x${hidden}`)],
    ['a negative length', both('content-length: -1', hidden)],
    ['a hexadecimal length', both('content-length: 0x1', `x${hidden}`)],
    ['a length with spaces', both('content-length: 1 1', `x${hidden}`)],
    ['a length in other digits', both('content-length: \u0661', `x${hidden}`)],
    ['a length beyond 64 bits', both('content-length: 18446744073709551617', `x${hidden}`)],
    ['an empty length', both('content-length: ', hidden)],
    ['a folded length', both('content-length:\r\n 1', `x${hidden}`)],
    ['a length behind a space', both('content-length : 0', hidden)],
    ['an encoding nobody knows', encoding('transfer-encoding: xchunked')],
    ['an encoding behind a space', encoding('transfer-encoding : chunked')],
    ['an encoding behind a tab', encoding('transfer-encoding\t: chunked')],
    ['an encoding with a vertical tab', encoding('transfer-encoding: \x0bchunked')],
    ['an encoding in quotes', encoding('transfer-encoding: "chunked"')],
    ['chunked, then identity', encoding('transfer-encoding: chunked, identity')],
    ['identity, then chunked', encoding('transfer-encoding: identity, chunked')],
    ['chunked twice', encoding('transfer-encoding: chunked\r\ntransfer-encoding: chunked')],
    ['chunked and something', encoding('transfer-encoding: chunked\r\ntransfer-encoding: x')],
    ['an encoding behind a bare line feed', encoding('x: y\ntransfer-encoding: chunked')],
    ['an encoding behind a bare carriage return', encoding('x: y\rtransfer-encoding: chunked')],
    ['an encoding with NUL', encoding('transfer-encoding: chunked\0')],
    ['a folded encoding', encoding('transfer-encoding:\r\n chunked')],
    ['a hexadecimal prefix of a chunk', both('transfer-encoding: chunked', `0x0\r\n\r\n${hidden}`)],
    ['a chunk with a sign', both('transfer-encoding: chunked', `+0\r\n\r\n${hidden}`)],
    ['a negative chunk', both('transfer-encoding: chunked', `-1\r\n\r\n${hidden}`)],
    ['a chunk beyond 64 bits', both('transfer-encoding: chunked', `10000000000000000\r\n${hidden}`)],
    ['a chunk that ends with a line feed', both('transfer-encoding: chunked', `1\r\nx\n0\r\n\r\n${hidden}`)],
    ['a chunk size that ends with a line feed', both('transfer-encoding: chunked', `1\nx\r\n0\n\n${hidden}`)],
    ['an extension with a line feed', both('transfer-encoding: chunked', `1;a\nx\r\n0\r\n\r\n${hidden}`)],
    ['a chunk longer than it says', both('transfer-encoding: chunked', `1\r\nxyz\r\n0\r\n\r\n${hidden}`)],
    [
      'a trailer that is a header',
      both('transfer-encoding: chunked', `0\r\ncontent-length: 9999\r\nx y\r\n\r\n${hidden}`),
    ],
    ['a header that is none', both('nonsense', hidden)],
    ['a header without a name', both(': x', hidden)],
  ]
}

export const smuggledRequests: readonly Attack[] = [
  {
    name: 'smuggled-requests',
    does: 'Hides a DELETE behind ambiguous lengths, chunks and folded headers; it may not be run.',
    server: 'open',
    async run(target, { problem, note }) {
      const { host } = new URL(target.url)
      const id = await target.upload(linearModel([1], [1]))
      const hidden = `DELETE /v1/models/${id} HTTP/1.1\r\nhost: ${host}\r\n\r\n`
      const heads = ['POST /v1/merges', 'POST /v1/models', 'GET /healthz', 'DELETE /v1/models/none'].map(
        line => `${line} HTTP/1.1\r\nhost: ${host}\r\ncontent-type: application/octet-stream\r\n`,
      )
      const deadline = 700
      let sent = 0
      for (const head of heads) {
        const answers = ambiguous(head, hidden).map(async ([what, said]) => {
          const socket = await openSocket(target.url)
          socket.write(Buffer.from(said, 'latin1'))
          const { status } = await readAnswer(socket, deadline)
          sent += 1
          // A GET is answered before its body, whatever that is; the connection ends with it.
          if (!head.startsWith('GET') && status >= 200 && status < 300)
            problem(`${head.split(' HTTP')[0]} with ${what} was answered with ${status}`)
          if (status >= 500) problem(`${head.split(' HTTP')[0]} with ${what} was answered with ${status}`)
        })
        await Promise.all(answers)
        if ((await target.fetch(`/v1/models/${id}`)).status !== 200) {
          problem(`a DELETE behind ${head.split(' HTTP')[0]} was run`)
          return
        }
      }
      note(`${sent} requests`)
    },
  },
]
