import { linearModel } from '../../support/onnx-model.ts'
import { converse } from '../../support/raw-http.ts'
import type { Attack, Findings } from '../attack.ts'
import type { Target } from '../target.ts'

/** Names under which a server on loopback without tokens must not answer: those of others, and what only looks like loopback. */
const foreign = (port: string): string[] => [
  'evil.example',
  `evil.example:${port}`,
  `EVIL.EXAMPLE.:${port}`,
  `localhost.evil.example:${port}`,
  `127.0.0.1.evil.example:${port}`,
  `127.0.0.1.nip.io:${port}`,
  `127-0-0-1.evil.example:${port}`,
  'evil.localhost',
  'localhost.localdomain',
  'localhost..',
  '.localhost',
  'localhost.:.',
  `localhost@evil.example:${port}`,
  `evil.example@localhost:${port}`,
  `localhost:${port}@evil.example`,
  `localhost:${port}.evil.example`,
  `localhost:${port}:${port}`,
  'localhost#evil.example',
  'localhost?evil.example',
  'localhost/evil.example',
  'localhost\\evil.example',
  'localhost evil.example',
  'localhost\tevil.example',
  'localhost, evil.example',
  'evil.example, localhost',
  'localhost;evil.example',
  'localhost%00.evil.example',
  'localhost%2eevil.example',
  'local%68ost',
  'http://localhost',
  '//localhost',
  'localhost:99999',
  'localhost:-1',
  'localhost:0x50',
  'localhost:http',
  'l\u00f6calhost',
  '\uff4c\uff4f\uff43\uff41\uff4c\uff48\uff4f\uff53\uff54',
  'lo\u0441alhost',
  'xn--loalhost-lsa',
  '127\u30020\u30020\u30021',
  '0.0.0.0',
  '0',
  '127.1',
  '127.0.1',
  '2130706433',
  '0x7f000001',
  '0x7f.0.0.1',
  '0177.0.0.1',
  '017700000001',
  '127.0.0.01',
  '127.0.0.256',
  '127.0.0.1.1',
  '126.255.255.255',
  '128.0.0.1',
  '10.0.0.1',
  '192.168.0.1',
  '169.254.169.254',
  'metadata.google.internal',
  '::1',
  '[::]',
  '[::2]',
  '[::1',
  '[::1]evil.example',
  '[::1].evil.example',
  '[::1%25lo]',
  '[::127.0.0.1]',
  '[::ffff:0:127.0.0.1]',
  '[::ffff:10.0.0.1]',
  '[64:ff9b::127.0.0.1]',
  '[fe80::1]',
  '[localhost]',
  '*',
  'null',
  '',
  'a'.repeat(300),
]

/** The same, as clients of loopback say it: without these a server that refuses everything would pass. */
const own = (port: string): string[] => [
  `localhost:${port}`,
  `LOCALHOST.:${port}`,
  `127.0.0.1:${port}`,
  '127.9.8.7',
  '[::1]',
  `[::ffff:127.0.0.1]:${port}`,
]

/** Requests with a host that contradicts itself. `get` is a request line without a target. */
const contradictory: [string, string][] = [
  ['two hosts', 'GET /v1/models HTTP/1.1\r\nhost: localhost\r\nhost: evil.example\r\n'],
  ['two hosts, the foreign one first', 'GET /v1/models HTTP/1.1\r\nHost: evil.example\r\nhOST: localhost\r\n'],
  ['one host twice', 'GET /v1/models HTTP/1.1\r\nhost: localhost\r\nhost: localhost\r\n'],
  ['a folded host', 'GET /v1/models HTTP/1.1\r\nhost: localhost\r\n evil.example\r\n'],
  ['a host behind a space', 'GET /v1/models HTTP/1.1\r\nhost : localhost\r\nhost: evil.example\r\n'],
  ['no host', 'GET /v1/models HTTP/1.1\r\n'],
  ['a foreign target', 'GET http://evil.example/v1/models HTTP/1.1\r\nhost: localhost\r\n'],
  ['a foreign host and a target of loopback', 'GET http://localhost/v1/models HTTP/1.1\r\nhost: evil.example\r\n'],
  ['a foreign target with a user', 'GET http://localhost@evil.example/v1/models HTTP/1.1\r\nhost: localhost\r\n'],
  ['a target without a scheme', 'GET //evil.example/v1/models HTTP/1.1\r\nhost: evil.example\r\n'],
  [
    'a forwarded host',
    'GET /v1/models HTTP/1.1\r\nhost: evil.example\r\nx-forwarded-host: localhost\r\nx-host: localhost\r\n',
  ],
  ['Forwarded', 'GET /v1/models HTTP/1.1\r\nhost: evil.example\r\nforwarded: host=localhost;for=127.0.0.1\r\n'],
  [
    'a rewritten URL',
    'GET /v1/models HTTP/1.1\r\nhost: evil.example\r\nx-original-url: /healthz\r\nx-rewrite-url: /healthz\r\n',
  ],
  ['HTTP/1.0 without a host', 'GET /v1/models HTTP/1.0\r\n'],
  ['HTTP/1.0 with a foreign host', 'GET /v1/models HTTP/1.0\r\nhost: evil.example\r\n'],
  ['a tunnel', 'CONNECT evil.example:80 HTTP/1.1\r\nhost: evil.example\r\n'],
  ['a probe of a path that is none', 'GET /healthz/../v1/models HTTP/1.1\r\nhost: evil.example\r\n'],
  ['a probe of an encoded path', 'GET /healthz%2f..%2fv1%2fmodels HTTP/1.1\r\nhost: evil.example\r\n'],
]

async function expectRefusal(target: Target, what: string, said: string, { problem }: Findings): Promise<void> {
  const { status, body } = await converse(target.url, Buffer.from(said, 'utf8'))
  if (status >= 200 && status < 400) problem(`${what} was answered with ${status}: ${body.slice(0, 100)}`)
  else if (status !== 421 && (status < 400 || status >= 500)) problem(`${what} was answered with ${status}`)
}

export const foreignHosts: readonly Attack[] = [
  {
    name: 'foreign-hosts',
    does: 'Lists, merges and deletes under foreign host names, as DNS rebinding does, and under two at once; none may be answered.',
    server: 'open',
    async run(target, findings) {
      const { port } = new URL(target.url)
      const id = await target.upload(linearModel([1], [1]))
      const requests = (host: string): string[] => {
        const merge = JSON.stringify({ models: [{ id }] })
        return [
          `GET /v1/models HTTP/1.1\r\nhost: ${host}\r\n\r\n`,
          `POST /v1/merges HTTP/1.1\r\nhost: ${host}\r\norigin: http://${host}\r\ncontent-type: application/json\r\ncontent-length: ${merge.length}\r\n\r\n${merge}`,
          `DELETE /v1/models/${id} HTTP/1.1\r\nhost: ${host}\r\norigin: http://${host}\r\n\r\n`,
        ]
      }
      for (const host of foreign(port))
        for (const said of requests(host))
          await expectRefusal(
            target,
            `${said.split(' ', 1)[0]} with the host ${JSON.stringify(host.slice(0, 60))}`,
            said,
            findings,
          )
      for (const [what, said] of contradictory) await expectRefusal(target, what, `${said}\r\n`, findings)
      for (const host of own(port)) {
        const { status } = await converse(target.url, `GET /v1/models HTTP/1.1\r\nhost: ${host}\r\n\r\n`)
        if (status !== 200) findings.problem(`the own host ${host} was refused with ${status}`)
      }
      if ((await target.fetch(`/v1/models/${id}`)).status !== 200)
        findings.problem('a foreign host has deleted the model')
      findings.note(`${foreign(port).length} hosts, ${contradictory.length} requests that contradict themselves`)
    },
  },
]
