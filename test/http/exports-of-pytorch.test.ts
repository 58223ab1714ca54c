import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type ExportRecord, exportRecord } from '../../schemas/export.ts'
import { conversionJob, exportJob } from '../../schemas/job.ts'
import type { ModelRecord } from '../../schemas/model.ts'
import { indexed, ownWeights } from '../support/exports.ts'
import { json, postJson, uploadModel } from '../support/http-client.ts'
import { runModel } from '../support/run-model.ts'
import { startApp } from '../support/server.ts'

let app: Awaited<ReturnType<typeof startApp>>
beforeAll(async () => {
  app = await startApp()
})
afterAll(() => app.close())

const fixture = (name: string) => Uint8Array.from(readFileSync(new URL(`../fixtures/exports/${name}`, import.meta.url)))

async function exportOf(network: string): Promise<ExportRecord> {
  const model = await uploadModel(app.url, fixture(`${network}-0.onnx`))
  const checkpoint = await uploadModel(app.url, fixture(`${network}-0.safetensors`))
  const body = { model: model.id, checkpoint: checkpoint.id }
  const { result, error } = exportJob.parse(await json(await postJson(`${app.url}/v1/exports?wait=30`, body)))
  if (!result) throw new Error(JSON.stringify(error))
  return exportRecord.parse(await json(await fetch(`${app.url}/v1/exports/${result.export.id}`)))
}

async function modelOf(id: string, checkpoint: string) {
  const uploaded = await uploadModel(app.url, fixture(checkpoint))
  const body = { checkpoint: uploaded.id }
  const answer = await json(await postJson(`${app.url}/v1/exports/${id}/models?wait=30`, body))
  const { result, error } = conversionJob.parse(answer)
  if (!result) throw new Error(JSON.stringify(error))
  const content = await fetch(`${app.url}/v1/models/${result.model.id}/content`)
  const bytes = new Uint8Array(await content.arrayBuffer())
  const record = await json<ModelRecord>(await fetch(`${app.url}/v1/models/${result.model.id}`))
  return { bytes, record, report: result.report }
}

const networks = [
  'unfolded',
  'folded',
  'fused',
  'half',
  'upward',
  'odd',
  'exact',
  'tied',
  'cross',
  'encoder',
  'recurrent',
]

describe.each(networks)('the model of a checkpoint of %s', network => {
  test('has the weights that PyTorch exports of it, bit for bit, and the outputs', async () => {
    const { id } = await exportOf(network)
    for (const step of [1, 2]) {
      const { bytes, record } = await modelOf(id, `${network}-${step}.safetensors`)
      const own = fixture(`${network}-${step}.onnx`)
      expect(ownWeights(indexed(bytes))).toEqual(ownWeights(indexed(own)))
      expect(record.fingerprint).not.toBeNull()
      const [made, truth] = [await runModel(indexed(bytes), step), await runModel(indexed(own), step)]
      // The weights of half precision are compared alone.
      if ('reason' in truth) expect(truth.reason).toBe('no input of type float16 can be made')
      expect(made).toEqual(truth)
    }
  })
})

test('weights that the exporter stored once become initializers of their own, and a warning says so', async () => {
  const { id, counts } = await exportOf('encoder')
  expect(counts.shared).toBeGreaterThan(0)
  const { report } = await modelOf(id, 'encoder-1.safetensors')
  expect(report.warnings).toEqual([expect.stringContaining('initializers of their own')])
  const again = await modelOf(id, 'encoder-0.safetensors')
  expect(again.report.warnings).toEqual([])
  expect(ownWeights(indexed(again.bytes))).toEqual(ownWeights(indexed(fixture('encoder-0.onnx'))))
})
