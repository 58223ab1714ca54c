import { json } from '../../support/http-client.ts'
import { linearModel } from '../../support/onnx-model.ts'
import { converse } from '../../support/raw-http.ts'
import type { Attack } from '../attack.ts'

/** Headers of requests that pages of others make browsers send; each line ends with CR LF. */
const foreignHeaders = (host: string): string[] => [
  'origin: https://evil.example\r\n',
  'origin: null\r\n',
  'origin: \r\n',
  'origin: http://127.0.0.1:1\r\n',
  'origin: http://127.0.0.1\r\n',
  'origin: http://localhost\r\n',
  `origin: http://evil.${host}\r\n`,
  `origin: http://${host}.evil.example\r\n`,
  `origin: http://${host}@evil.example\r\n`,
  `origin: http://evil.example#${host}\r\n`,
  `origin: http://evil.example/${host}\r\n`,
  `origin: http://evil.example?${host}\r\n`,
  `origin: http://evil.example\\@${host}\r\n`,
  `origin: ${host}\r\n`,
  `origin: //${host}\r\n`,
  `origin: http://${host}, https://evil.example\r\n`,
  `origin: http://${host} https://evil.example\r\n`,
  `origin: http://${host}\r\norigin: https://evil.example\r\n`,
  `origin: http://${host}/../evil\r\n`,
  'origin: file://\r\n',
  'origin: data:text/html,x\r\n',
  'origin: chrome-extension://abcdefgh\r\n',
  `origin: ftp://${host}\r\n`,
  'origin: http://[::1\r\n',
  'origin: http://\u0131ocalhost\r\n',
  'sec-fetch-site: cross-site\r\n',
  'sec-fetch-site: same-site\r\n',
  'sec-fetch-site: CROSS-SITE\r\n',
  'sec-fetch-site: cross-site, none\r\n',
  'sec-fetch-site: none, cross-site\r\n',
  'sec-fetch-site: none\r\nsec-fetch-site: cross-site\r\n',
  'sec-fetch-site: same-origin;x\r\n',
  'sec-fetch-site: \r\n',
  `sec-fetch-site: cross-site\r\norigin: http://${host}\r\n`,
  'sec-fetch-site: cross-site\r\nsec-fetch-mode: navigate\r\nsec-fetch-dest: document\r\n',
]

/** Bodies that a form or a script sends without asking first, and one that needs no body at all. */
const bodies: [contentType: string, body: string][] = [
  [
    'multipart/form-data; boundary=b',
    '--b\r\ncontent-disposition: form-data; name="model"; filename="m"\r\n\r\nx\r\n--b--\r\n',
  ],
  ['application/x-www-form-urlencoded', 'a=b'],
  ['text/plain', '{"models":[]}'],
  ['text/plain;application/json', '{"models":[]}'],
  ['application/json', '{"models":[]}'],
  ['application/octet-stream', 'x'],
  ['', 'x'],
  ['', ''],
]

export const foreignPages: readonly Attack[] = [
  {
    name: 'foreign-pages',
    does: 'Uploads, merges, cancels and deletes as pages of foreign origins do, with each kind of body and without one; each is 403.',
    server: 'open',
    async run(target, { problem, note }) {
      const { host } = new URL(target.url)
      const bytes = linearModel([1], [1])
      const id = await target.upload(bytes)
      const count = async (path: string) => {
        const { items } = await json<{ items: unknown[] }>(await target.fetch(path))
        return items.length
      }
      const jobs = await count('/v1/jobs')
      const send = async (method: string, path: string, headers: string, contentType: string, body: string) => {
        const type = contentType === '' ? '' : `content-type: ${contentType}\r\n`
        const said = `${method} ${path} HTTP/1.1\r\nhost: ${host}\r\n${headers}${type}content-length: ${body.length}\r\n\r\n${body}`
        const { status } = await converse(target.url, Buffer.from(said, 'utf8'))
        if (status !== 403 && status !== 400)
          problem(
            `${method} ${path} with ${JSON.stringify(headers)} and ${contentType || 'an untyped body'}: ${status}`,
          )
      }
      const all = foreignHeaders(host)
      for (const headers of all) {
        const model = Buffer.from(bytes).toString('latin1')
        for (const [contentType, body] of bodies) await send('POST', '/v1/models', headers, contentType, body)
        await send('PUT', '/v1/models?name=a', headers, 'application/octet-stream', model)
        for (const path of [
          '/v1/datasets',
          '/v1/soup',
          '/v1/merges',
          '/v1/searches',
          '/v1/comparisons',
          '/v1/evaluations',
          '/nowhere',
        ])
          await send('POST', path, headers, 'text/plain', '{}')
        await send('POST', '/v1/jobs/none/cancel', headers, '', '')
        for (const path of [`/v1/models/${id}`, '/v1/jobs/none', '/v1/datasets/none'])
          await send('DELETE', path, headers, '', '')
        await send('PATCH', `/v1/models/${id}`, headers, '', '')
      }
      for (const header of ['x-http-method-override', 'x-method-override', 'x-http-method'])
        await target.fetch(`/v1/models/${id}?_method=DELETE`, { headers: { [header]: 'DELETE' } })
      if ((await target.fetch(`/v1/models/${id}`)).status !== 200) problem('a foreign page has deleted the model')
      if ((await count('/v1/models')) !== 1 || (await count('/v1/jobs')) !== jobs)
        problem('a foreign page has made something')
      for (const headers of [
        {},
        { origin: target.url },
        { 'sec-fetch-site': 'same-origin' },
        { 'sec-fetch-site': 'none' },
      ]) {
        const { status } = await target.fetch('/v1/jobs/none/cancel', { method: 'POST', headers })
        if (status !== 404) problem(`a page of the server itself was answered with ${status}`)
      }
      note(`${all.length} kinds of headers, ${bodies.length} of bodies`)
    },
  },
]
