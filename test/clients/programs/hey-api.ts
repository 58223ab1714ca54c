import { readFile } from 'node:fs/promises'
import { createClient } from '../generated/hey-api/client/index.js'
import { createMerge, getModel, listModels, putModel } from '../generated/hey-api/sdk.gen.js'

// The same client as @hey-api/openapi-ts makes it.
const [baseUrl = '', ...files] = process.argv.slice(2)
const client = createClient({ baseUrl })

const ids: string[] = []
for (const file of files) {
  const { data, error } = await putModel({
    client,
    query: { name: file.split('/').at(-1) ?? '' },
    body: new Blob([await readFile(file)]),
  })
  if (!data) throw new Error(JSON.stringify(error))
  ids.push(data.id)
}
const { data: job, error } = await createMerge({
  client,
  query: { wait: 30 },
  headers: { 'idempotency-key': 'hey-api' },
  body: { models: ids.map(id => ({ id })), labels: { made: 'hey-api' } },
})
if (!job) throw new Error(JSON.stringify(error))
const { data: list } = await listModels({ client, query: { label: 'made:hey-api' } })
const { error: refusal, response } = await getModel({ client, path: { id: 'none' } })
process.stdout.write(
  JSON.stringify({
    status: job.status,
    soup: job.result?.model.id,
    listed: list?.items.map(({ id }) => id),
    refused: refusal?.code,
    statusCode: response?.status,
  }),
)
