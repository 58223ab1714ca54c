import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { evaluationClient } from '../support/evaluation-client.ts'
import { evaluating, type SpawnedServer } from '../support/server.ts'
import { soupInMemory } from '../support/soup.ts'
import type { Comparison } from './harness.ts'
import { resnetNetwork, resnetSamples } from './resnet-network.ts'
import { findOverHttp } from './search-over-http.ts'
import { withFreshServer } from './with-fresh-server.ts'

const bareModule = fileURLToPath(new URL('./bare-candidate.ts', import.meta.url))

/** The mean of two networks like ResNet-50, made and scored on 64 images, beside a session of the ready model and its run. */
export function largeCandidate(workspace: string, signal: AbortSignal): Comparison {
  const file = (name: string) => join(workspace, name)
  const models = [1, 2].map(seed => file(`resnet-${seed}.onnx`))
  const [soup, samples] = [file('resnet-soup.onnx'), file('images.npz')]
  const write = async () => {
    if (existsSync(samples)) return
    const bytes = [1, 2].map(resnetNetwork)
    for (const [index, path] of models.entries()) await writeFile(path, bytes[index] ?? '')
    await writeFile(soup, soupInMemory(bytes.map(each => ({ bytes: each, weight: 1 }))))
    await writeFile(samples, resnetSamples())
  }
  const score = async ({ url }: SpawnedServer) => {
    const client = evaluationClient(url)
    const ids: string[] = []
    for (const path of models) ids.push(await client.addModel(Uint8Array.from(await readFile(path)), path))
    const { id: dataset } = await client.addDataset(Uint8Array.from(await readFile(samples)))
    const { candidates } = await findOverHttp(url, {
      models: ids.map(id => ({ id })),
      strategy: { type: 'topK' },
      selection: { dataset, metric: 'accuracy' },
    })
    const seconds = candidates.find(candidate => candidate.models.length === 2)?.seconds
    if (seconds === undefined) throw new Error('the search has not scored the mean')
    return { seconds }
  }
  return {
    row: 'search/large-candidate',
    what: 'the mean of two networks like ResNet-50 (102 MB), 64 images',
    target: 1.05,
    ours: {
      name: 'Tureen',
      description: 'seconds of the candidate in the answer of POST /v1/searches: made, opened, run and scored',
      async run() {
        await write()
        return withFreshServer(workspace, signal, score, evaluating)
      },
    },
    baseline: () => ({
      name: 'bare inference',
      description:
        'test/bench/bare-candidate.ts: the ready model and images in memory, one session, one run, nothing scored',
      async run() {
        await write()
        const { stdout } = await promisify(execFile)(process.execPath, [bareModule, soup, samples], {
          signal,
          env: { ...process.env, ORT_DISABLE_TELEMETRY: '1' },
        })
        return { seconds: Number(stdout) }
      },
    }),
  }
}
