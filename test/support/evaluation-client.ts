import { dataset, datasetPage } from '../../schemas/dataset.ts'
import { evaluationJob } from '../../schemas/job.ts'
import { model } from '../../schemas/model.ts'

export type EvaluationJob = ReturnType<typeof evaluationJob.parse>

/** A client that scores models. It checks each answer against the schemas of the API. */
export function evaluationClient(url: string) {
  const expectStatus = async (response: Response, ...expected: number[]): Promise<unknown> => {
    const body = await response.json()
    if (!expected.includes(response.status)) throw new Error(`answered ${response.status}: ${JSON.stringify(body)}`)
    return body
  }
  const post = (path: string, body: NonNullable<RequestInit['body']>, headers: Record<string, string> = {}) =>
    fetch(`${url}${path}`, { method: 'POST', body, headers })
  return {
    async addModel(bytes: Uint8Array<ArrayBuffer>, name = 'model') {
      return model.parse(await expectStatus(await post(`/v1/models?name=${encodeURIComponent(name)}`, bytes), 200, 201))
        .id
    },
    async addDataset(bytes: Uint8Array<ArrayBuffer>) {
      return dataset.parse(await expectStatus(await post('/v1/datasets', bytes), 200, 201))
    },
    async addDatasetFiles(files: Record<string, Uint8Array<ArrayBuffer>>) {
      const form = new FormData()
      for (const [name, bytes] of Object.entries(files)) form.append('data', new Blob([bytes]), name)
      return dataset.parse(
        await expectStatus(await fetch(`${url}/v1/datasets`, { method: 'POST', body: form }), 200, 201),
      )
    },
    async listDatasets() {
      return datasetPage.parse(await expectStatus(await fetch(`${url}/v1/datasets`), 200)).items
    },
    /** Requests an evaluation and does not wait for it. */
    ask: (request: object, wait = 0) =>
      post(`/v1/evaluations?wait=${wait}`, JSON.stringify(request), { 'content-type': 'application/json' }),
    /** Runs an evaluation to its end, successful or not. */
    async evaluate(request: object): Promise<EvaluationJob> {
      const body = JSON.stringify(request)
      const response = await post('/v1/evaluations?wait=60', body, { 'content-type': 'application/json' })
      return evaluationJob.parse(await expectStatus(response, 200))
    },
  }
}
