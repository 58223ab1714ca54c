import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { z } from 'zod'
import { npz } from '../support/npz.ts'
import { tensorsOf } from '../support/onnx-oracle.ts'
import type { Digits } from './digits.ts'
import type { Absent } from './harness.ts'
import type { SearchContestant, SearchTiming } from './search.ts'
import { torchLayers } from './torch-network.ts'

const run = promisify(execFile)
const python = '/usr/bin/python3'
const script = fileURLToPath(new URL('./article_loop.py', import.meta.url))
const descriptionSchema = z.object({ version: z.string(), build: z.string(), threads: z.number().int() })
const answerSchema = z.object({ seconds: z.number(), accuracies: z.array(z.number()) })
/** So many models make 31 soups, which take a second or less. */
const trialModels = 5
/** More threads must be faster by a tenth on trial: where they gain less, another process for a moment makes them lose a lot. */
const worthwhile = 0.9

/** The loop of article_loop.py in PyTorch, where the system's Python has it, with as many threads as are best for it. */
export async function articleLoop(
  digits: Digits,
  workspace: string,
  signal: AbortSignal,
): Promise<SearchContestant | Absent> {
  let description: z.infer<typeof descriptionSchema>
  try {
    description = descriptionSchema.parse(JSON.parse((await run(python, [script, '--describe'], { signal })).stdout))
  } catch (error) {
    const reason = error instanceof Error ? error.message.trim().split('\n').at(-1) : String(error)
    return { name: 'the loop in PyTorch', skipped: `${python} has no PyTorch to offer (${reason})` }
  }
  const { version, build, threads: byDefault } = description
  const search = await exportForPython(digits, workspace, signal)
  const counts = [...new Set([1, byDefault, availableParallelism()])].sort((a, b) => a - b)
  const trials: { threads: number; seconds: number }[] = []
  for (const threads of counts) trials.push({ threads, seconds: (await search(threads, trialModels)).seconds })
  const { threads } = trials.reduce((best, trial) => (trial.seconds < worthwhile * best.seconds ? trial : best))
  const tried = trials.map(trial => `${trial.threads}: ${trial.seconds.toFixed(2)} s`).join(', ')
  return {
    name: `the loop in PyTorch ${version}, ${threads} thread${threads === 1 ? '' : 's'}`,
    description: `test/bench/article_loop.py: copy, add, scale and evaluate; ${build}; threads by default ${byDefault}, on trial with 31 soups ${tried}`,
    search: () => search(threads, digits.models.length),
  }
}

/** Writes what the script reads. @returns how to run it with so many threads on the first so many models */
async function exportForPython({ models, validation }: Digits, workspace: string, signal: AbortSignal) {
  const [first] = models
  if (!first) throw new RangeError('there are no models')
  const weights = join(workspace, 'weights.npz')
  const layers = join(workspace, 'layers.json')
  const arrays = models.flatMap(({ name, bytes }) =>
    tensorsOf(bytes)
      .filter(({ path }) => path.startsWith('graph.initializer['))
      .map(tensor => [`${name}/${tensor.name}`, { descr: '<f4', shape: tensor.dims, data: tensor.bytes }] as const),
  )
  await writeFile(weights, npz(Object.fromEntries(arrays)))
  await writeFile(layers, JSON.stringify(torchLayers(first.bytes)))
  return async (threads: number, among: number): Promise<SearchTiming> => {
    const names = models.slice(0, among).map(({ name }) => name)
    const files = ['--weights', weights, '--layers', layers, '--val', validation]
    const options = [script, ...files, '--models', names.join(), '--threads', String(threads)]
    return answerSchema.parse(JSON.parse((await run(python, options, { signal })).stdout))
  }
}
