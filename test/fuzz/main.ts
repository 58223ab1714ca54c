import { mkdirSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { runSeed } from '../support/random.ts'
import { projectRoot } from '../support/server.ts'
import type { Finding } from './fuzz-child.ts'
import { fuzzInput } from './fuzz-input.ts'
import { fuzzModels } from './run-fuzz.ts'

/**
 * npm run fuzz -- models [--count N] [--seed S] [--jobs N]
 *
 * Damaged model files, each of which has to end in a result or an error of the catalogue, within a second and 300 MB. What does not
 * is printed with its seed and index, and kept as a file; the last line is JSON.
 */
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { count: { type: 'string', default: '20000' }, seed: { type: 'string' }, jobs: { type: 'string' } },
})
if (positionals.join() !== 'models') throw new Error('what is there to fuzz: models')
const count = Number(values.count)
const seed = Number(values.seed ?? runSeed)
const jobs = Number(values.jobs ?? availableParallelism())
for (const [flag, value, least] of [
  ['count', count, 1],
  ['seed', seed, 0],
  ['jobs', jobs, 1],
] as const)
  if (!Number.isInteger(value) || value < least)
    throw new Error(`--${flag} ${value}: must be a whole number from ${least} on`)

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

say(`${count} damaged models, seed ${seed}, ${jobs} processes`)
const result = await fuzzModels(seed, count, jobs, report)
const { ended, findings, growth, seconds, slowestMilliseconds } = result
for (const [end, times] of Object.entries(ended).sort(([a], [b]) => (a < b ? -1 : 1)))
  say(`${String(times).padStart(7)} ${end}`)
say(
  `${seconds.toFixed(1)} s, slowest ${slowestMilliseconds.toFixed(0)} ms, memory grew by ${(growth / 2 ** 20).toFixed(0)} MB, ${findings.length} findings`,
)
say(JSON.stringify({ ...result, findings: findings.length }))
process.exitCode = findings.length > 0 ? 1 : 0
