/**
 * Sends the requests of test/clients/http-clients.test.ts with fetch or axios, and prints the statuses as JSON.
 * usage: node ask.mjs fetch|axios URL DIRECTORY; LOCATION in the environment is the location of data.bin
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

const [client, url, directory] = process.argv.slice(2)
const [model, external, data] = await Promise.all(
  ['model.onnx', 'external.onnx', 'data.bin'].map(name => readFile(join(directory, name))),
)
const form = new FormData()
form.append('model', new Blob([external]), 'external.onnx')
form.append('data', new Blob([data]), process.env.LOCATION)

async function withFetch(method, path, body, headers = {}) {
  const response = await fetch(`${url}${path}`, { method, body, headers })
  return { status: response.status, bytes: Buffer.from(await response.arrayBuffer()) }
}

async function withAxios(method, path, body, headers = {}) {
  const { default: axios } = await import('axios')
  const options = { method, data: body, headers, responseType: 'arraybuffer', validateStatus: () => true }
  const { status, data: bytes } = await axios(`${url}${path}`, options)
  return { status, bytes: Buffer.from(bytes) }
}

const ask = client === 'axios' ? withAxios : withFetch
const json = ({ bytes }) => JSON.parse(bytes.toString())
const raw = { 'content-type': 'application/octet-stream' }

const upload = await ask('POST', `/v1/models?name=${client}`, model, raw)
const completed = await ask('POST', `/v1/models?name=${client}`, form)
const request = JSON.stringify({ models: [{ id: json(upload).id }] })
const merge = await ask('POST', '/v1/merges?wait=30', request, { 'content-type': 'application/json' })
const soup = json(merge).result.model.id
const content = await ask('GET', `/v1/models/${soup}/content`)
const cancel = await ask('POST', '/v1/jobs/none/cancel')
const gzip = await ask('PUT', '/v1/models', model, { ...raw, 'content-encoding': 'gzip' })
const large = await ask('POST', '/v1/models', Buffer.alloc(8_000_000), raw)
const deletion = await ask('DELETE', `/v1/models/${soup}`)
process.stdout.write(
  JSON.stringify({
    upload: upload.status,
    form: json(completed).status,
    merge: merge.status,
    download: content.bytes.length,
    cancel: cancel.status,
    gzip: gzip.status,
    large: large.status,
    delete: deletion.status,
  }),
)
