import { z } from 'zod'
import { type CostlyModel, costlyModels } from '../../support/costly-models.ts'
import type { Attack, Findings } from '../attack.ts'
import type { Target } from '../target.ts'

/** Seconds of processor time for what has 3 s on a quiet machine: others slow a processor down, and several threads share the work. */
const mostSeconds = 15

/**
 * The same for a merge or comparison of 20,000 tensors. The aim is 1 s on a quiet machine, and 3 s for 60,000. On two busy processors a
 * comparison takes 4 s of processor time, and a merge of 60,000 tensors 10: what is not linear takes more than this.
 */
const mostMergeSeconds = 12

/** `most`: seconds of processor time; `goal`: seconds on a quiet machine, for the report only. */
type Bounds = { most: number; goal?: number }

/** Runs something and says how long it took. */
async function timed(
  target: Target,
  { problem, note }: Findings,
  what: string,
  { most, goal }: Bounds,
  run: () => Promise<string>,
): Promise<void> {
  const [started, used] = [performance.now(), target.processorSeconds()]
  const outcome = await run()
  const seconds = (performance.now() - started) / 1000
  const processor = target.processorSeconds() - used
  const text = `${what}: ${outcome}, ${seconds.toFixed(1)} s, ${processor.toFixed(1)} s of processor time`
  note(goal === undefined ? text : `${text}; the goal on two quiet processors is ${goal} s`)
  if (processor > most) problem(`${text}; it may take ${most}`)
}

async function inspect(target: Target, findings: Findings, bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const response = await target.fetch('/v1/models', { method: 'POST', body: bytes })
  const text = await response.text()
  if (response.status >= 500) findings.problem(`an upload was answered with ${response.status}: ${text.slice(0, 200)}`)
  return `${response.status}, ${(bytes.byteLength / 1e6).toFixed(1)} MB`
}

const job = z.object({ status: z.string(), error: z.object({ code: z.string() }).optional() })

/** A merge or comparison of two models of one kind, to its end. */
async function work(
  target: Target,
  findings: Findings,
  path: string,
  name: CostlyModel,
  count: number,
  most: number,
): Promise<void> {
  const models = await Promise.all(
    [0, 1].map(async seed => ({ id: await target.upload(costlyModels[name](count, seed)) })),
  )
  await timed(target, findings, `${path} of ${count} ${name}`, { most }, async () => {
    const response = await target.post(`${path}?wait=60`, { models })
    const text = await response.text()
    const { status, error } = job.parse(JSON.parse(text))
    if (status !== 'succeeded') findings.problem(`${path} of ${count} ${name} ${status}: ${JSON.stringify(error)}`)
    return `${status}, ${text.length} bytes`
  })
}

/** A form with a model and one part for each of its files, all of which are equal. */
function formOfParts(count: number): FormData {
  const form = new FormData()
  form.append('model', new Blob([costlyModels['tensors in a data file each'](count)]), 'model.onnx')
  for (let index = 0; index < count; index += 1) form.append('data', new Blob([new Float32Array(1)]), `d${index}`)
  return form
}

const partCount = 15_000
/** Seconds that the server has for so many parts, on two quiet processors. */
const partGoal = 5

/** Every kind of costly model, so many of each; those that have a fixed depth or few of a thing cost less. */
const variantCount = 5_000
const kinds = Object.keys(costlyModels).filter((name): name is CostlyModel => name in costlyModels)

export const heavyModels: readonly Attack[] = [
  {
    name: 'heavy-nodes',
    does: 'Uploads 240,000 nodes, 200,000 initializers and 1,500,000 empty ones, of 3 to 6 MB each; each has 3 s.',
    server: 'open',
    async run(target, findings) {
      const upload = (name: CostlyModel, count: number) =>
        timed(target, findings, `${count} times ${name}`, { most: mostSeconds }, () =>
          inspect(target, findings, costlyModels[name](count)),
        )
      await upload('a chain of nodes', 240_000)
      await upload('tensors that no node reads', 200_000)
      await upload('tensors in a chain of differences', 120_000)
      await upload('empty tensors', 1_500_000)
    },
  },
  {
    name: 'heavy-variants',
    does: 'Uploads small models that have 5,000 of one thing, of 50 kinds; each has 3 s.',
    server: 'open',
    async run(target, findings) {
      let slowest = { kind: '', seconds: 0 }
      for (const kind of kinds) {
        const bytes = costlyModels[kind](variantCount)
        const before = target.processorSeconds()
        await inspect(target, findings, bytes)
        const seconds = target.processorSeconds() - before
        if (seconds > slowest.seconds) slowest = { kind, seconds }
        if (seconds > mostSeconds)
          findings.problem(`${variantCount} ${kind} cost ${seconds.toFixed(1)} s of processor time`)
      }
      findings.note(
        `${kinds.length} kinds; the slowest, ${slowest.kind}, cost ${slowest.seconds.toFixed(1)} s of processor time`,
      )
    },
  },
  {
    name: 'heavy-merges',
    does: 'Merges two models of 60,000 tensors, and three pairs of other kinds, and compares two of 20,000.',
    server: 'open',
    async run(target, findings) {
      await work(target, findings, '/v1/merges', 'tensors in a chain of products', 60_000, 3 * mostMergeSeconds)
      await work(target, findings, '/v1/merges', 'a fan of tensors into one list', 20_000, mostMergeSeconds)
      await work(target, findings, '/v1/merges', 'constants of plain floats', 20_000, mostMergeSeconds)
      await work(target, findings, '/v1/merges', 'layers with biases', 10_000, mostMergeSeconds)
      await work(target, findings, '/v1/comparisons', 'tensors in a chain of differences', 20_000, mostMergeSeconds)
    },
  },
  {
    name: 'many-parts',
    does: 'Uploads a form of 15,000 equal data parts, which has 5 s.',
    server: 'open',
    async run(target, findings) {
      await timed(target, findings, `a form of ${partCount} parts`, { most: 15, goal: partGoal }, async () => {
        const response = await target.fetch('/v1/models', { method: 'POST', body: formOfParts(partCount) })
        const text = await response.text()
        if (response.status !== 201 && (response.status < 400 || response.status >= 500))
          findings.problem(`${partCount} parts were answered with ${response.status}: ${text.slice(0, 200)}`)
        return String(response.status)
      })
    },
  },
]
