import { readFile } from 'node:fs/promises'
import createClient from 'openapi-fetch'
import type { paths } from '../generated/schema.js'

// A pipeline's client as openapi-typescript and openapi-fetch make it: upload, merge, read, and meet a refusal.
const [baseUrl = '', ...files] = process.argv.slice(2)
const client = createClient<paths>({ baseUrl })

const ids: string[] = []
for (const file of files) {
  const bytes = await readFile(file)
  const { data, error } = await client.PUT('/v1/models', {
    params: { query: { name: file.split('/').at(-1) ?? '' } },
    headers: { 'content-type': 'application/octet-stream' },
    body: '',
    bodySerializer: () => bytes,
  })
  if (error) throw new Error(error.detail)
  ids.push(data.id)
}
const { data: job, error } = await client.POST('/v1/merges', {
  params: { query: { wait: 30 }, header: { 'idempotency-key': 'openapi-fetch' } },
  body: { models: ids.map(id => ({ id })), labels: { made: 'openapi-fetch' } },
})
if (error) throw new Error(error.detail)
const { data: list } = await client.GET('/v1/models', { params: { query: { label: ['made:openapi-fetch'] } } })
const { error: refusal, response } = await client.GET('/v1/models/{id}', { params: { path: { id: 'none' } } })
process.stdout.write(
  JSON.stringify({
    status: job.status,
    soup: job.result?.model.id,
    listed: list?.items.map(({ id }) => id),
    refused: refusal?.code,
    statusCode: response.status,
  }),
)
