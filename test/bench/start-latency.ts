import { job as jobSchema } from '../../schemas/job.ts'
import { uploadModel } from '../support/http-client.ts'
import { linearModel } from '../support/onnx-model.ts'
import type { Timing } from './harness.ts'

const jobs = 200

/** Starts one short job after the other. @returns the milliseconds from creation to start of the median job, and of the 99th in 100 */
export async function startLatency(url: string): Promise<Timing> {
  const started = performance.now()
  const models: { id: string }[] = []
  for (const weight of [1, 2]) models.push({ id: (await uploadModel(url, linearModel([weight], [1]))).id })
  const waits: number[] = []
  const body = JSON.stringify({ models })
  for (let count = 0; count < jobs; count += 1) {
    const headers = { 'content-type': 'application/json' }
    const response = await fetch(`${url}/v1/comparisons?wait=60`, { method: 'POST', headers, body })
    const { createdAt, startedAt } = jobSchema.parse(await response.json())
    waits.push(Date.parse(startedAt ?? '') - Date.parse(createdAt))
  }
  waits.sort((a, b) => a - b)
  const at = (share: number) => waits[Math.ceil(share * jobs) - 1] ?? Number.NaN
  return { seconds: (performance.now() - started) / 1000, details: { 'p50 ms': at(0.5), 'p99 ms': at(0.99) } }
}
