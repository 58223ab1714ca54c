import { spawn } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { dataset } from '../../schemas/dataset.ts'
import { evaluationJob, mergeJob } from '../../schemas/job.ts'
import { model } from '../../schemas/model.ts'

/**
 * The digits fine-tunes over HTTP, as a pipeline would do it: starts a server with a data directory of its own, uploads models
 * and data sets, merges, scores everything on held-out images, downloads the soups to examples/digits/out and stops the server.
 */
const here = fileURLToPath(new URL('.', import.meta.url))
const out = join(here, 'out')
const fineTunes = Array.from({ length: 8 }, (_, index) => `ft${index}`)

const say = (line: string) => void process.stdout.write(`${line}\n`)

async function startServer(data: string): Promise<{ url: string; stop(): Promise<unknown> }> {
  const child = spawn(process.execPath, [join(here, '..', '..', 'src', 'server.ts')], {
    env: { ...process.env, HOST: '127.0.0.1', PORT: '0', TUREEN_DATA: data },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exited = new Promise(resolve => child.once('exit', resolve))
  const stop = () => {
    child.kill('SIGTERM')
    return exited
  }
  for await (const line of createInterface({ input: child.stdout })) {
    const { url, msg } = JSON.parse(line)
    if (msg !== 'Tureen is serving') continue
    child.stdout.resume()
    return { url, stop }
  }
  throw new Error('the server did not start')
}

async function request(url: string, init: RequestInit = {}): Promise<Response> {
  const response = await fetch(url, init)
  if (response.ok) return response
  throw new Error(`${init.method ?? 'GET'} ${url} was answered ${response.status}: ${await response.text()}`)
}

async function upload(server: string, name: string): Promise<string> {
  const body = await readFile(join(here, `${name}.onnx`))
  const response = await request(`${server}/v1/models?name=${name}&label=example:digits`, { method: 'POST', body })
  return model.parse(await response.json()).id
}

async function uploadDataset(server: string, name: string): Promise<string> {
  const body = await readFile(join(here, `${name}.npz`))
  const response = await request(`${server}/v1/datasets?name=${name}`, { method: 'POST', body })
  const { id, samples, arrays } = dataset.parse(await response.json())
  say(`  ${name}: ${samples} samples of ${arrays.map(array => `${array.name} ${array.dtype}`).join(', ')}`)
  return id
}

function postJson(url: string, body: object): Promise<Response> {
  return request(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })
}

/** Merges, keeps a copy of the soup in examples/digits/out, and gives its id. */
async function merge(server: string, name: string, models: { id: string; weight: number }[]): Promise<string> {
  const { status, result, error } = mergeJob.parse(
    await (await postJson(`${server}/v1/merges?wait=60`, { models, name })).json(),
  )
  if (!result) throw new Error(`the merge ${name} ${status}: ${error?.detail}`)
  const content = await request(`${server}/v1/models/${result.model.id}/content`)
  await writeFile(join(out, `${name}.onnx`), Buffer.from(await content.arrayBuffer()))
  return result.model.id
}

async function accuracy(server: string, modelId: string, datasetId: string): Promise<number> {
  const body = { model: modelId, dataset: datasetId, metrics: ['accuracy'] }
  const { status, result, error } = evaluationJob.parse(
    await (await postJson(`${server}/v1/evaluations?wait=60`, body)).json(),
  )
  if (!result) throw new Error(`the evaluation ${status}: ${error?.detail}`)
  return result.metrics['accuracy'] ?? Number.NaN
}

const data = await mkdtemp(join(tmpdir(), 'tureen-example-'))
const { url, stop } = await startServer(data)
try {
  await mkdir(out, { recursive: true })
  say(`Tureen serves on ${url}. Eight fine-tunes of one network, and images that none of them has seen:`)
  const models = new Map<string, string>()
  for (const name of fineTunes) models.set(name, await upload(url, name))
  const ids = [...models.values()]
  const sets = [await uploadDataset(url, 'val'), await uploadDataset(url, 'test')]
  const equal = ids.map(id => ({ id, weight: 1 }))
  const twoThree = ids.slice(0, 2).map((id, index) => ({ id, weight: 2 + index }))
  models.set('uniform', await merge(url, 'uniform', equal))
  models.set('two-three', await merge(url, 'two-three', twoThree))
  say('\n  accuracy        val    test')
  for (const [name, id] of models) {
    const scores: number[] = []
    for (const set of sets) scores.push(await accuracy(url, id, set))
    say(`  ${name.padEnd(12)}${scores.map(score => score.toFixed(3).padStart(7)).join(' ')}`)
  }
  say(`\nuniform is the mean of all eight, two-three that of ft0 and ft1 weighted 2:3. The soups are in ${out}.`)
} finally {
  await stop()
  await rm(data, { recursive: true, force: true })
}
