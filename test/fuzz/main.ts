import { mkdirSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { commandLine } from '../../src/command-line.ts'
import { runSeed } from '../support/random.ts'
import { projectRoot } from '../support/server.ts'
import type { Finding } from './fuzz-child.ts'
import { fuzzInput } from './fuzz-input.ts'
import { fuzzModels } from './run-fuzz.ts'
import { fuzzHttp, type HttpFinding } from './run-http-fuzz.ts'

/**
 * npm run fuzz -- models [--count N] [--seed S] [--jobs N]
 * npm run fuzz -- http [--seconds N] [--seed S]
 *
 * Damaged model files, each of which has to end in a result or an error of the catalogue, within a second and 300 MB. What does not
 * is printed with its seed and index, and kept as a file. Random requests, each of which has to be answered as /openapi.json says.
 * The last line is JSON.
 */
const command = commandLine(`usage: npm run fuzz -- models [--count N] [--seed S] [--jobs N]
       npm run fuzz -- http [--seconds N] [--seed S]`)
const { values, positionals } = command.parse({
  allowPositionals: true,
  options: {
    count: { type: 'string' },
    seconds: { type: 'string' },
    seed: { type: 'string' },
    jobs: { type: 'string' },
  },
})
const what = positionals.join()
if (what !== 'models' && what !== 'http') command.refuse(`Say what to fuzz: models or http, not "${what}"`)
const count = command.wholeNumber('count', values.count, 1, 20_000)
const seed = command.wholeNumber('seed', values.seed, 0, runSeed)
const jobs = command.wholeNumber('jobs', values.jobs, 1, availableParallelism())
const seconds = command.wholeNumber('seconds', values.seconds, 1, 60)

const say = (text: string) => void process.stdout.write(`${text}\n`)
const kept = join(projectRoot, 'node_modules/.cache/fuzz')

function report({ index, kind, reason }: Finding): void {
  const { what, model } = fuzzInput(seed, index)
  mkdirSync(kept, { recursive: true })
  const path = join(kept, `${seed}-${index}.onnx`)
  writeFileSync(path, model)
  say(`${kind.toUpperCase()} seed ${seed} index ${index} (${what}), ${model.byteLength} bytes, kept as ${path}`)
  if (model.byteLength <= 1024) say(`  ${model.toString('base64')}`)
  for (const line of reason.split('\n').slice(0, 6)) say(`  ${line}`)
}

async function models(): Promise<number> {
  say(`${count} damaged models, seed ${seed}, ${jobs} processes`)
  const result = await fuzzModels(seed, count, jobs, report)
  const { ended, findings, growth, slowestMilliseconds } = result
  for (const [end, times] of Object.entries(ended).sort(([a], [b]) => (a < b ? -1 : 1)))
    say(`${String(times).padStart(7)} ${end}`)
  say(
    `${result.seconds.toFixed(1)} s, slowest ${slowestMilliseconds.toFixed(0)} ms, memory grew by ${(growth / 2 ** 20).toFixed(0)} MB, ${findings.length} findings`,
  )
  say(JSON.stringify({ ...result, findings: findings.length }))
  return findings.length
}

function reportRequest({ index, reason, answer, request: { operation, path, headers, body } }: HttpFinding): void {
  say(`FOUND seed ${seed} request ${index}: ${operation.method} ${path}: ${reason}`)
  say(`  ${JSON.stringify(headers)} ${body ? Buffer.from(body.subarray(0, 600)).toString('latin1') : ''}`)
  say(`  ${answer}`)
}

async function http(): Promise<number> {
  say(`random requests for ${seconds} s, seed ${seed}`)
  const result = await fuzzHttp(seed, { seconds, requests: Number.POSITIVE_INFINITY }, reportRequest)
  for (const [status, times] of Object.entries(result.statuses)) say(`${String(times).padStart(7)} ${status}`)
  say(`${result.requests} requests, ${result.operations} operations succeeded, ${result.findings.length} findings`)
  say(JSON.stringify({ ...result, findings: result.findings.length }))
  return result.findings.length
}

process.exitCode = (await (what === 'http' ? http() : models())) > 0 ? 1 : 0
