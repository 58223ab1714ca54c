import { createClient, type TureenClient } from '../../client/index.ts'
import { digits } from '../support/http-client.ts'
import { projectFile } from '../support/server.ts'

/** Records of a server, each the id of its view. */
export type Filled = {
  client: TureenClient
  models: string[]
  soup: string
  dataset: string
  merge: string
  comparison: string
  evaluation: string
  search: string
}

/** Returns a file of the project as a Blob. */
export async function blobOf(path: string): Promise<Blob> {
  return new Blob([await projectFile(path)])
}

/** Uploads fine-tunes of the digits, as ft0 and so on. @returns their ids */
export async function uploadDigits(client: TureenClient, ...numbers: number[]): Promise<string[]> {
  const ids: string[] = []
  for (const [index, path] of digits(...numbers).entries())
    ids.push(
      (await client.createModel({ file: await blobOf(path), name: `ft${numbers[index]}`, labels: { run: '42' } })).id,
    )
  return ids
}

/** Fills a server with the digits, and with one job of each type. */
export async function fillServer(url: string): Promise<Filled> {
  const client = createClient({ url })
  const models = await uploadDigits(client, 0, 1, 3)
  const dataset = (await client.createDataset({ file: await blobOf('examples/digits/val.npz'), name: 'val' })).id
  const references = models.map(id => ({ id }))
  const scored = { dataset, metrics: ['accuracy'] }
  const merge = await client.wait(
    await client.createMerge({ models: references, name: 'mean', labels: { stage: 'test' } }),
  )
  const comparison = await client.wait(await client.createComparison({ models: references }))
  const evaluation = await client.wait(await client.createEvaluation({ model: models[0] ?? '', ...scored }))
  const search = await client.wait(
    await client.createSearch({
      models: references,
      strategy: { type: 'greedy' },
      selection: { dataset, metric: 'accuracy' },
    }),
  )
  for (const { id, type, error } of [merge, comparison, evaluation, search])
    if (error) throw new Error(`the ${type} ${id} failed: ${error.detail}`)
  const soup = merge.result?.model.id ?? ''
  return {
    client,
    models,
    soup,
    dataset,
    merge: merge.id,
    comparison: comparison.id,
    evaluation: evaluation.id,
    search: search.id,
  }
}
