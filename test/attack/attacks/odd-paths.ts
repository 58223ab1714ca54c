import { linearModel } from '../../support/onnx-model.ts'
import { converse } from '../../support/raw-http.ts'
import type { Attack } from '../attack.ts'

/** Ways to climb out of a folder to a file, `climbed` being how often. */
const climbs = (file: string): string[] => {
  const steps = [
    '../',
    '..%2f',
    '..%2F',
    '%2e%2e/',
    '%2e%2e%2f',
    '.%2e/',
    '..%5c',
    '..\\',
    '..%252f',
    '%252e%252e/',
    '..%c0%af',
    '..%e0%80%af',
    '..%f0%80%80%af',
    '%c0%ae%c0%ae/',
    '..%ef%bc%8f',
    '..;/',
    '....//',
    './../',
    '..%00/',
    '..//',
    '..%09/',
  ]
  return [
    ...steps.map(step => `${step.repeat(4)}${file}`),
    `%2f${file}`,
    `/${file}`,
    `file:///${file}`,
    `${file}%00.html`,
    `c:%5c${file}`,
  ]
}

const folders = (id: string): string[] => [
  '/',
  '/docs/',
  '/docs/static/',
  '/docs/api/',
  '/docs/api/static/',
  '/docs/operations/',
  '/problems/',
  `/v1/models/`,
  `/v1/models/${id}/content/`,
  `/v1/models/${id}/data/`,
]

/** Paths that are odd by themselves. */
const odd: readonly string[] = [
  '/%',
  '/%zz',
  '/%ff',
  '/%00',
  '/v1/models/%00',
  '/v1/models/%ed%a0%80',
  '/v1/models/%0d%0aset-cookie:x',
  '/v1/jobs/__proto__',
  '/v1/jobs/constructor',
  '/v1/models/..',
  '/problems/__proto__',
  '/problems/constructor',
  '/problems/TUREEN_INTERNAL%0a',
  '//evil.example/%2f..',
  '/\\evil.example',
  '/healthz;x/../v1/models',
  `/${'a/'.repeat(2_000)}`,
  `/v1/models/${'a'.repeat(5_000)}`,
  '/?%00',
  '/v1/models?limit=%00',
  '/v1/models?__proto__=1',
  '/v1/models?limit[]=1',
  '/v1/models?limit=1&limit=2',
]

/** What stands in files that nobody may read: of the project, of the store, of the machine. */
const secrets = /"devDependencies"|SQLite format 3|root:x:0|"prepack"/

export const oddPaths: readonly Attack[] = [
  {
    name: 'odd-paths',
    does: 'Asks for files outside of every folder in many spellings, and for paths with NUL, overlong UTF-8 and names of JavaScript.',
    server: 'open',
    async run(target, { problem, note }) {
      const id = await target.upload(linearModel([1], [1]))
      const files = ['package.json', 'etc/passwd', 'catalog.sqlite']
      const paths = folders(id).flatMap(folder => files.flatMap(file => climbs(file).map(climb => folder + climb)))
      const ask = async (path: string) => {
        const said = `GET ${path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n`
        const { status, headers, body } = await converse(target.url, Buffer.from(said, 'latin1'))
        if (secrets.test(body)) problem(`${path} was answered with a file: ${body.slice(0, 60)}`)
        if (!(status >= 200 && status < 500)) problem(`${path} was answered with ${status}`)
        if (status >= 400 && !headers['content-type']?.startsWith('application/problem+json'))
          problem(`${path} was refused with ${status} and ${headers['content-type']}`)
        if (headers['set-cookie'] !== undefined) problem(`${path} has set a header`)
        if (headers.location?.match(/^(\/\/|\/\\|[a-z]+:)/)) problem(`${path} leads to ${headers.location}`)
      }
      for (const path of [...paths, ...odd]) await ask(path)
      note(`${paths.length + odd.length} paths`)
    },
  },
]
