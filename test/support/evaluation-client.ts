import { createClient } from '../../client/index.ts'
import { dataset, datasetPage } from '../../schemas/dataset.ts'
import { evaluationJob } from '../../schemas/job.ts'
import { model } from '../../schemas/model.ts'

export type EvaluationJob = ReturnType<typeof evaluationJob.parse>

/** A client that scores models. It checks each answer against the schemas of the API. */
export function evaluationClient(url: string) {
  const client = createClient({ url, retry: { retries: 0 } })
  const post = (path: string, body: string, headers: Record<string, string>) =>
    fetch(`${url}${path}`, { method: 'POST', body, headers })
  return {
    async addModel(file: Uint8Array<ArrayBuffer>, name = 'model') {
      return model.parse(await client.createModel({ file, name })).id
    },
    async addDataset(file: Uint8Array<ArrayBuffer>) {
      return dataset.parse(await client.createDataset({ file }))
    },
    async addDatasetFiles(files: Record<string, Uint8Array<ArrayBuffer>>) {
      return dataset.parse(await client.createDataset({ files }))
    },
    async listDatasets() {
      return datasetPage.parse(await client.listDatasets()).items
    },
    /** Requests an evaluation and does not wait for it. */
    ask: (request: object, wait = 0) =>
      post(`/v1/evaluations?wait=${wait}`, JSON.stringify(request), { 'content-type': 'application/json' }),
    /** Runs an evaluation to its end, successful or not. */
    async evaluate(request: object): Promise<EvaluationJob> {
      const body = JSON.stringify(request)
      const response = await post('/v1/evaluations?wait=60', body, { 'content-type': 'application/json' })
      const answer: unknown = await response.json()
      if (response.status !== 200) throw new Error(`answered ${response.status}: ${JSON.stringify(answer)}`)
      return evaluationJob.parse(answer)
    },
  }
}
