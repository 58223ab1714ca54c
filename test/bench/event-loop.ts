import { fork } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import { evaluationClient } from '../support/evaluation-client.ts'
import { projectFile, projectRoot, type SpawnedServer } from '../support/server.ts'
import type { Comparison } from './harness.ts'

type Requests = {
  upload(url: string, path: string, name: string): Promise<{ id: string }>
  merge(url: string, ids: readonly string[]): Promise<unknown>
}

/** What health checks may take at the 99th percentile. */
const boundSeconds = 0.025
const askMilliseconds = 5
const rounds = 3

/** How soon `/healthz` answers while models are uploaded, merged and evaluated, all at once. */
export function eventLoop(
  paths: readonly string[],
  withServer: <Value>(use: (server: SpawnedServer) => Promise<Value>) => Promise<Value>,
  { upload, merge }: Requests,
): Comparison {
  return {
    row: 'http/healthz',
    what: `GET /healthz, 99th percentile, asked every ${askMilliseconds} ms while uploads, merges and evaluations run`,
    ours: {
      name: 'Tureen, /healthz',
      description: `${paths.length} models of 102 MB uploaded and merged beside evaluations of examples/digits, ${rounds} times`,
      run: () =>
        withServer(async ({ url }) => {
          const client = evaluationClient(url)
          const small = await client.addModel(await projectFile('examples/digits/ft0.onnx'), 'ft0')
          const { id: dataset } = await client.addDataset(await readFile(`${projectRoot}/examples/digits/val.npz`))
          const asking = fork(`${projectRoot}/test/bench/ask-health.ts`, [url, String(askMilliseconds)])
          const gone = once(asking, 'exit')
          for (let round = 0; round < rounds; round += 1) {
            const uploads = Promise.all(paths.map((path, index) => upload(url, path, `m${round}-${index}`)))
            const evaluations = [8, 16, 32].map(batchSize =>
              client.evaluate({ model: small, dataset, metrics: ['accuracy'], batchSize: batchSize + round }),
            )
            const ids = (await uploads).map(({ id }) => id)
            await Promise.all([merge(url, ids), merge(url, ids.toReversed())])
            for (const { status } of await Promise.all(evaluations))
              if (status !== 'succeeded') throw new Error(`an evaluation ${status}`)
          }
          const answered = once(asking, 'message')
          asking.send('stop')
          const sorted = z
            .array(z.number())
            .parse((await answered)[0])
            .toSorted((a, b) => a - b)
          await gone
          const at = (quantile: number) => sorted[Math.floor(quantile * (sorted.length - 1))] ?? Number.NaN
          return { seconds: at(0.99), details: { 'median s': at(0.5), 'worst s': at(1), answers: sorted.length } }
        }),
    },
    baseline: () => ({ name: '25 ms', description: 'the bound', run: async () => ({ seconds: boundSeconds }) }),
    target: 1,
  }
}
