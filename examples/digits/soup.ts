import { spawn } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { job } from '../../schemas/job.ts'
import { model } from '../../schemas/model.ts'

/**
 * The digits fine-tunes over HTTP, as a pipeline would do it: starts a server with a data directory of its own, uploads the
 * models, merges them, downloads the soups to examples/digits/out and stops the server.
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
  const { id, parameters, bytes } = model.parse(await response.json())
  say(`  ${name}  ${parameters} parameters, ${bytes} bytes`)
  return id
}

async function merge(server: string, name: string, models: { id: string; weight: number }[]): Promise<void> {
  const response = await request(`${server}/v1/merges?wait=60`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ models, name }),
  })
  const { status, result, error } = job.parse(await response.json())
  if (!result) throw new Error(`the merge ${name} ${status}: ${error?.detail}`)
  const { report } = result
  const content = await request(`${server}/v1/models/${result.model.id}/content`)
  const file = join(out, `${name}.onnx`)
  await writeFile(file, Buffer.from(await content.arrayBuffer()))
  say(
    `  ${name}  ${report.tensors.averaged} tensors averaged in ${(report.seconds * 1000).toFixed(0)} ms  ${result.model.sha256.slice(0, 19)}...`,
  )
}

const data = await mkdtemp(join(tmpdir(), 'tureen-example-'))
const { url, stop } = await startServer(data)
try {
  await mkdir(out, { recursive: true })
  say(`Tureen serves on ${url}. Uploading eight fine-tunes of one network:`)
  const ids: string[] = []
  for (const name of fineTunes) ids.push(await upload(url, name))
  say('Merging:')
  await merge(
    url,
    'uniform',
    ids.map(id => ({ id, weight: 1 })),
  )
  await merge(
    url,
    'two-three',
    ids.slice(0, 2).map((id, index) => ({ id, weight: 2 + index })),
  )
  say(`The soups are in ${out}.`)
} finally {
  await stop()
  await rm(data, { recursive: true, force: true })
}
