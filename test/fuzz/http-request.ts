import { mutations } from '../support/mutations.ts'
import { npz } from '../support/npz.ts'
import { linearModel } from '../support/onnx-model.ts'
import type { Random } from '../support/random.ts'
import type { ApiDocument, Operation } from './api-document.ts'
import { fuzzInput } from './fuzz-input.ts'
import { asSchema, randomValue } from './random-value.ts'

/** A request as it is sent, and the operation that it is one of. */
export type FuzzRequest = {
  operation: Operation
  path: string
  headers: Record<string, string>
  body: Uint8Array<ArrayBuffer> | null
}

/** Ids of what there is, by what it is; the fuzzer learns them from answers. */
export type KnownIds = { models: string[]; datasets: string[]; jobs: string[] }

const contentTypes = [
  'application/json',
  'application/octet-stream',
  'multipart/form-data',
  'multipart/form-data; boundary=',
  'text/plain',
  'application/x-www-form-urlencoded',
  'nonsense',
  'application/json; charset=utf-7',
]
const mutationNames = Object.keys(mutations)

/** A random request of a random operation; the same one for the same random numbers and ids. */
export function httpRequest(
  document: ApiDocument,
  seed: number,
  index: number,
  random: Random,
  ids: KnownIds,
): FuzzRequest {
  const operation = random.pick(document.operations)
  const pick = (list: readonly string[]) => (list.length > 0 ? random.pick(list) : undefined)
  const known = (field: string) => {
    if (field === 'dataset') return pick(ids.datasets)
    if (field === 'model' || field === 'base') return pick(ids.models)
    if (field !== 'id') return undefined
    // Else there would soon be nothing to ask for.
    if (operation.method === 'DELETE' && random.next() < 0.7) return undefined
    return pick(
      operation.path.includes('/jobs') ? ids.jobs : operation.path.includes('/datasets/') ? ids.datasets : ids.models,
    )
  }
  const value = (schema: unknown, field: string) =>
    randomValue(asSchema(schema), random, document.resolve, known, field)
  const text = (field: string, schema: unknown) => {
    const made = value(schema, field)
    return typeof made === 'string' ? made : (JSON.stringify(made) ?? '')
  }

  let path = operation.path
  const query = new URLSearchParams()
  for (const { name, in: place, required, schema } of operation.parameters) {
    if (place === 'path') path = path.replace(`{${name}}`, encodeURIComponent(text(name, schema)) || 'none')
    else if (place === 'query' && name === 'wait') query.set(name, random.pick(['0', '1', '-1', 'x']))
    else if (place === 'query' && (required || random.next() < 0.3)) query.append(name, text(name, schema))
  }
  if (random.next() < 0.05) query.append('unknown', '1')
  const headers: Record<string, string> = {}
  if (random.next() < 0.1)
    headers['range'] = random.pick(['bytes=0-', 'bytes=-5', 'bytes=9-2', 'bytes=0-0,2-3', 'bytes=99999999-', 'x'])
  if (random.next() < 0.05) headers['if-none-match'] = random.pick(['*', '"x"', 'W/"'])
  if (random.next() < 0.05) headers['content-digest'] = random.pick(['sha-256=:AAAA:', 'sha-256=x', 'md5=:AAAA:', '?'])
  if (random.next() < 0.05) headers['last-event-id'] = random.pick(['0', '-1', '1e9', 'x'])
  if (operation.method === 'GET' || operation.method === 'HEAD')
    return { operation, path: withQuery(path, query), headers, body: null }

  let body: Buffer | null = null
  const type = random.pick([
    ...operation.bodyTypes,
    ...operation.bodyTypes,
    ...operation.bodyTypes,
    random.pick(contentTypes),
  ])
  headers['content-type'] = type
  const content = (kind: string): Buffer => {
    if (kind === 'dataset') return randomDataset(random)
    return random.next() < 0.4
      ? Buffer.from(linearModel([random.integer(1, 5)], [1]))
      : Buffer.from(fuzzInput(seed, index).model)
  }
  const kind = operation.path.includes('datasets') ? 'dataset' : 'model'
  if (type === 'application/json') body = Buffer.from(JSON.stringify(value(operation.jsonBody, '')) ?? '')
  else if (type.startsWith('multipart')) {
    headers['content-type'] = 'multipart/form-data; boundary=b0'
    const fields = random.pick([
      ['model'],
      ['model', 'model'],
      ['model', 'data'],
      ['data'],
      ['recipe'],
      ['model', 'model', 'recipe'],
      [],
    ])
    const parts = fields.map(field => {
      const filename =
        random.next() < 0.9 ? `; filename="${random.pick(['a.npz', 'input_0.pb', 'weights.bin', '../x'])}"` : ''
      const inner =
        field === 'recipe' ? Buffer.from(JSON.stringify({ weights: [1, random.integer(-2, 2)] })) : content(kind)
      return Buffer.concat([
        Buffer.from(
          `--b0\r\ncontent-disposition: form-data; name="${field}"${field === 'recipe' ? '' : filename}\r\n\r\n`,
        ),
        inner,
        Buffer.from('\r\n'),
      ])
    })
    body = Buffer.concat([...parts, Buffer.from('--b0--\r\n')])
  } else if (operation.bodyTypes.length > 0 || random.next() < 0.1) body = content(kind)
  if (body && body.byteLength > 1 && random.next() < 0.15)
    body = mutations[random.pick(mutationNames)]?.(body, random) ?? body
  if (body === null || random.next() < 0.03) {
    delete headers['content-type']
    body = null
  }
  return { operation, path: withQuery(path, query), headers, body: body && Uint8Array.from(body) }
}

function withQuery(path: string, query: URLSearchParams): string {
  return query.size > 0 ? `${path}?${query}` : path
}

function randomDataset(random: Random): Buffer {
  const samples = random.integer(1, 4)
  const array = {
    descr: random.pick(['<f4', '>f4', '|O', '<i4']),
    shape: [samples, 1],
    data: new Float32Array(samples),
  }
  const whole = Buffer.from(npz({ x: array, y: array }))
  return random.next() < 0.5 ? whole : (mutations[random.pick(mutationNames)]?.(whole, random) ?? whole)
}
