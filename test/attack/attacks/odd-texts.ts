import { npyOf, zipFile } from '../../evaluate/datasets/zip-file.ts'
import { linearModel } from '../../support/onnx-model.ts'
import { bytesField, modelBytes, onnxField, tensorBytes, varintField } from '../../support/wire-bytes.ts'
import type { Attack, Findings } from '../attack.ts'
import type { Target } from '../target.ts'

/** Queries of uploads that hold what is no text, or no number as people write it. */
const queries: readonly string[] = [
  'name=%ff%fe',
  'name=%ed%a0%80',
  'name=a%c0%80',
  'name=%f8%88%80%80%80',
  'label=a:%ff',
  'label=%ff:a',
  'label=__proto__:a',
  'ttl=0x10',
  'ttl=1e3',
  'ttl=%2B5',
  'ttl=+5',
  'ttl=5.0',
  'ttl=%2016',
  'ttl=16%20',
  'ttl=%EF%BC%91%EF%BC%96',
  'ttl=1_000',
  'ttl=0b1',
  'ttl=0o7',
  'ttl=-1',
  'ttl=Infinity',
  'ttl=NaN',
  'ttl=',
  'ttl=9007199254740993',
  'ttl=1&ttl=2',
]

/** JSON that holds half a character, or keys that JavaScript gives a meaning. */
const documents: readonly string[] = [
  '{"name":"\\ud800"}',
  '{"name":"\\udc00a"}',
  '{"labels":{"a":"\\ud83d"}}',
  '{"labels":{"\\ud800":"a"}}',
  '{"__proto__":{"name":"a"}}',
  '{"labels":{"__proto__":"a"}}',
  '{"constructor":{"prototype":{"name":"a"}}}',
  '{"parameters":{"__proto__":{"a":1}}}',
  '{"rules":[{"match":"*","parameters":{"__proto__":1}}]}',
]

const yamls: readonly string[] = [
  '__proto__: {name: a}',
  '"__proto__": 1',
  '? __proto__\n: 1',
  'parameters: {__proto__: {density: 1}}',
  'parameters: &a {__proto__: 1}\nlabels: *a',
  '<<: {__proto__: {name: a}}',
  'constructor: {prototype: {name: a}}',
  '? [__proto__]\n: 1',
  '"\\u005f_proto__": 1',
]

const array = npyOf('<f4', [1, 1], new Uint8Array(4))
const entryNames: readonly string[] = [
  '../x.npy',
  '..\\x.npy',
  '/etc/x.npy',
  '\\x.npy',
  'c:\\x.npy',
  'a/../x.npy',
  'a/..\\x.npy',
  'x\0.npy',
  'x.npy\0',
  '..',
]

/** A model whose one tensor lies in a file with this name. */
const externalAt = (location: Uint8Array) =>
  modelBytes([
    tensorBytes(
      'W',
      1,
      [1],
      varintField(onnxField.tensor.dataLocation, 1),
      bytesField(onnxField.tensor.externalData, [bytesField(1, 'location'), bytesField(2, location)]),
    ),
  ])
const locations = ['ff', 'c080', 'eda080', 'fffe', 'f4908080', '61ff'].map(hex => Buffer.from(hex, 'hex'))

const filenames: readonly string[] = [
  '../../x.npy',
  '..\\..\\x.npy',
  '/etc/x.npy',
  'C:\\x.npy',
  'a/b/x.npy',
  'x.npy/',
  '%2e%2e%2fx.npy',
  '.../x.npy',
]

async function expectRefused(what: string, response: Response, { problem }: Findings): Promise<void> {
  const text = await response.text()
  if (response.status < 400 || response.status >= 500)
    problem(`${what} was answered with ${response.status}: ${text.slice(0, 160)}`)
  else if (!response.headers.get('content-type')?.startsWith('application/problem+json'))
    problem(`${what} was refused with ${response.headers.get('content-type')}`)
}

/** File names of forms lose their path: no name that is kept has a part of it. */
async function sendFilenames(target: Target, { problem }: Findings): Promise<void> {
  for (const filename of filenames) {
    const part = (name: string) =>
      `--b\r\ncontent-disposition: form-data; name="data"; filename="${name}"\r\n\r\n${array.toString('latin1')}\r\n`
    const body = Buffer.from(`${part(filename)}--b--\r\n`, 'latin1')
    const headers = { 'content-type': 'multipart/form-data; boundary=b' }
    const response = await target.fetch('/v1/datasets', { method: 'POST', headers, body })
    const text = await response.text()
    if (response.status >= 500) problem(`a file called ${filename} was answered with ${response.status}`)
    const { arrays = [] }: { arrays?: { name: string }[] } = JSON.parse(text)
    for (const { name } of arrays)
      if (/[/\\]|\.\./.test(name)) problem(`a file called ${filename} became the array ${name}`)
  }
}

export const oddTexts: readonly Attack[] = [
  {
    name: 'odd-texts',
    does: 'Sends text that is no UTF-8, half characters, __proto__, numbers in other notations, and names that are paths; none is kept changed.',
    server: 'open',
    async run(target, findings) {
      const id = await target.upload(linearModel([1], [1]))
      const upload = (path: string, body: Uint8Array<ArrayBuffer>) => target.fetch(path, { method: 'POST', body })
      for (const query of queries)
        await expectRefused(query, await upload(`/v1/models?${query}`, linearModel([2], [2])), findings)
      for (const parameter of ['limit=0x10', 'limit=1e1', 'limit=%2B5', 'limit=%EF%BC%91', 'limit= 5', 'limit=5.0'])
        await expectRefused(parameter, await target.fetch(`/v1/models?${parameter}`), findings)
      const merges = (type: string, body: string) =>
        target.fetch('/v1/merges', { method: 'POST', headers: { 'content-type': type }, body })
      for (const document of documents)
        for (const text of [document, document.replace('{', `{"models":[{"id":"${id}"}],`)])
          await expectRefused(text, await merges('application/json', text), findings)
      for (const document of yamls) {
        const text = `models: [{id: ${id}}]\n${document}`
        await expectRefused(text, await merges('application/yaml', text), findings)
      }
      for (const name of entryNames) {
        const file = zipFile([
          { name: 'y.npy', data: array },
          { name, data: array },
        ])
        await expectRefused(`the entry ${JSON.stringify(name)}`, await upload('/v1/datasets', file), findings)
      }
      for (const location of locations)
        await expectRefused(
          `the location ${location.toString('hex')}`,
          await upload('/v1/models', externalAt(location)),
          findings,
        )
      await sendFilenames(target, findings)
    },
  },
]
