import { readFile } from 'node:fs/promises'
import { mergeJob } from '../../schemas/job.ts'
import type { ModelRecord } from '../../schemas/model.ts'
import { uploadModel } from '../support/http-client.ts'
import { npz } from '../support/npz.ts'
import { seededRandom } from '../support/random.ts'
import { hasRealParts } from '../support/real-parts.ts'
import { evaluating } from '../support/server.ts'
import { bareTransfer } from './bare-transfer.ts'
import { realParts, withFreshCluster } from './clustered.ts'
import { type Digits, digitsDirectory, readDigits } from './digits.ts'
import type { Absent, Bench, Comparison, Contestant, Timing } from './harness.ts'
import { writeResnetModels } from './resnet-models.ts'
import { searchAt } from './search-over-http.ts'
import { startLatency } from './start-latency.ts'
import { withFreshServer } from './with-fresh-server.ts'

const absent: Absent = { name: 'a cluster', skipped: 'PostgreSQL, pgbouncer or Ceph is not installed' }

/** Samples with which a candidate takes a tenth of a second and more. */
const manySamples = 40_000

/** A server of a cluster beside an embedded one, and beside the transfer of the same bytes. */
export const clusterBench: Bench = {
  name: 'cluster',
  async open(workspace, signal) {
    const digits = await readDigits(digitsDirectory())
    const validation = await readFile(digits.validation)
    const parts = realParts(signal)
    const clustered = (name: string, description: string, workers: number) => ({
      name,
      description,
      run: (use: Parameters<typeof withFreshCluster<Timing>>[2]) => async () =>
        withFreshCluster(await parts(), { workspace, workers, signal }, use),
    })
    const two = clustered(
      'a cluster',
      'PostgreSQL, S3 (radosgw), an API server and two workers that have just started',
      2,
    )
    const one = clustered('a worker', 'PostgreSQL, S3 (radosgw), an API server and one worker', 1)
    const embedded = (use: (url: string) => Promise<Timing>): Contestant => ({
      name: 'embedded',
      description: 'one server that has just started, with SQLite and a directory',
      run: () => withFreshServer(workspace, signal, ({ url }) => use(url), evaluating),
    })
    const beside = (
      row: string,
      what: string,
      use: (url: string) => Promise<Timing>,
      more: Partial<Comparison> = {},
    ) => ({
      row,
      what,
      ours: { ...two, run: two.run(({ api }) => use(api.url)) },
      baseline: () => (hasRealParts() ? embedded(use) : absent),
      ...more,
    })
    const search = (some: Digits, data: Uint8Array<ArrayBuffer>) => (url: string) => searchAt(url, some, data)
    const few = { ...digits, models: digits.models.slice(0, 6) }

    const files = once(() => writeResnetModels(workspace, 4, 'float32'))
    const merging = (isWarm: boolean): Contestant => ({
      name: `a worker, ${isWarm ? 'warm' : 'cold'}`,
      description: `POST /v1/merges?wait=60 in a cluster whose only worker has ${isWarm ? 'all models in its cache' : 'an empty cache'}`,
      inputs: files,
      run: one.run(async ({ api, restartWorkers }) => {
        const models: ModelRecord[] = []
        for (const path of await files()) models.push(await uploadModel(api.url, Uint8Array.from(await readFile(path))))
        if (isWarm) await merge(api.url, models)
        else await restartWorkers()
        const started = performance.now()
        await merge(api.url, models)
        return { seconds: (performance.now() - started) / 1000 }
      }),
    })
    const transfer = (row: string, isWarm: boolean): Comparison => ({
      row,
      what: 'the mean of 4 models of 102 MB, from the request to the end of the job',
      ours: merging(isWarm),
      baseline: async () => (hasRealParts() ? bareTransfer(await parts(), await files(), isWarm) : absent),
    })
    return {
      about: [
        'cluster: all processes on this machine, PostgreSQL without fsync, an S3 server that keeps objects in memory',
      ],
      comparisons: [
        beside(
          'cluster/search',
          'exhaustive search over eight digits models: 255 soups on 500 samples each',
          search(digits, validation),
          {
            target: 1.5,
          },
        ),
        beside(
          'cluster/long-candidates',
          `exhaustive search over six digits models: 63 soups on ${manySamples} samples each`,
          search(few, samplesAtRandom()),
          { target: 1.1 },
        ),
        beside('cluster/start-p50', 'milliseconds from the creation of a job to its start', startLatency, {
          of: 'p50 ms',
        }),
        beside('cluster/start-p99', 'milliseconds from the creation of a job to its start', startLatency, {
          of: 'p99 ms',
        }),
        transfer('cluster/merge-warm', true),
        transfer('cluster/merge-cold', false),
      ],
      findings: () => [],
    }
  },
}

/** Images and labels at random, of the shapes of the digits. */
function samplesAtRandom(): Uint8Array<ArrayBuffer> {
  const random = seededRandom(1)
  return npz({
    image: {
      descr: '<f4',
      shape: [manySamples, 1, 8, 8],
      data: Float32Array.from({ length: manySamples * 64 }, random.next),
    },
    label: {
      descr: '<i8',
      shape: [manySamples],
      data: BigInt64Array.from({ length: manySamples }, () => BigInt(random.integer(0, 9))),
    },
  })
}

async function merge(url: string, models: readonly ModelRecord[]): Promise<void> {
  const headers = { 'content-type': 'application/json' }
  const body = JSON.stringify({ models: models.map(({ id }) => ({ id })), name: 'soup' })
  const job = mergeJob.parse(await (await fetch(`${url}/v1/merges?wait=60`, { method: 'POST', headers, body })).json())
  if (job.status !== 'succeeded') throw new Error(`the merge ${job.status}: ${JSON.stringify(job.error)}`)
}

function once<Value>(make: () => Promise<Value>): () => Promise<Value> {
  let made: Promise<Value> | undefined
  return () => {
    made ??= make()
    return made
  }
}
