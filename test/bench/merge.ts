import { execFile } from 'node:child_process'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { z } from 'zod'
import { defaultSettings } from '../../src/merge/merge-input.ts'
import { createThreadPool } from '../../src/threads/thread-pool.ts'
import type { Absent, Bench, Comparison, Contestant } from './harness.ts'
import { kernelComparisons } from './kernel.ts'
import { writeResnetModels } from './resnet-models.ts'

const run = promisify(execFile)
const python = '/usr/bin/python3'
const script = fileURLToPath(new URL('./average_onnx.py', import.meta.url))
const answerSchema = z.object({ seconds: z.number(), peakMebibytes: z.number() })
const models = 4
const what = `the mean of ${models} models of 102 MB in float32, result hashed, no fsync`

/** A merge of files beside what people write for it, and beside what reading, writing and hashing cost by themselves. */
export const mergeBench: Bench = {
  name: 'merge',
  async open(workspace, signal) {
    const paths = await writeResnetModels(workspace, models)
    const threads = createThreadPool(
      error => {
        throw error
      },
      () => undefined,
    )
    signal.addEventListener('abort', () => void threads.close())
    const ours = mergeInThread(paths, workspace, threads, signal)
    const comparisons: Comparison[] = [
      { row: 'merge/python', what, ours, baseline: () => pythonAverage(paths, workspace, signal), target: 1 / 8 },
      { row: 'merge/floor', what, ours, baseline: () => floor(paths, workspace, signal), target: 2 },
      ...kernelComparisons(),
    ]
    return {
      about: [`merge: ${models} models with ResNet-50's shapes, made by test/bench/resnet-models.ts`],
      comparisons,
      findings: () => [],
    }
  },
}

function mergeInThread(
  paths: readonly string[],
  workspace: string,
  threads: ReturnType<typeof createThreadPool>,
  signal: AbortSignal,
): Contestant {
  const files = paths.map((path, index) => ({ label: path, sha256: `sha256:${index}`, weight: 1, path, data: [] }))
  const output = join(workspace, 'soup.onnx')
  return {
    name: 'Tureen',
    description: 'a merge in a warm worker thread, with indexing, matching and sha256, as a job makes it',
    async run() {
      await rm(output, { force: true })
      const started = performance.now()
      await threads.merge(files, defaultSettings, { output, durable: false, signal })
      return { seconds: (performance.now() - started) / 1000 }
    },
  }
}

async function pythonAverage(
  paths: readonly string[],
  workspace: string,
  signal: AbortSignal,
): Promise<Contestant | Absent> {
  let versions: { onnx: string; numpy: string }
  try {
    const { stdout } = await run(python, [script, '--describe'], { signal })
    versions = z.object({ onnx: z.string(), numpy: z.string() }).parse(JSON.parse(stdout))
  } catch {
    return { name: 'Python', skipped: `${python} has no onnx and NumPy to offer (Debian: python3-onnx)` }
  }
  const output = join(workspace, 'python.onnx')
  return {
    name: `onnx ${versions.onnx} with NumPy ${versions.numpy}`,
    description:
      'test/bench/average_onnx.py: load, average, save; its start and imports are not counted, and it hashes nothing',
    async run() {
      const { stdout } = await run(python, [script, output, ...paths], { signal })
      const { seconds, peakMebibytes } = answerSchema.parse(JSON.parse(stdout))
      return { seconds, details: { 'peak MiB': peakMebibytes } }
    },
  }
}

/** The greater of: reading the inputs and copying one of them; hashing the result. */
function floor(paths: readonly string[], workspace: string, signal: AbortSignal): Contestant {
  const copy = join(workspace, 'copy.onnx')
  const timed = async (command: string, ...args: string[]) => {
    const started = performance.now()
    await run('sh', ['-c', command, 'sh', ...args], { signal })
    return (performance.now() - started) / 1000
  }
  return {
    name: 'the floor',
    description: 'the greater of cat of all inputs to /dev/null and cp of one, and openssl or sha256sum of one',
    async run() {
      await rm(copy, { force: true })
      const [first = '', ...others] = paths
      const moving = await timed(`cat "$@" > /dev/null; cp "$1" ${copy}`, first, ...others)
      const hashing = await timed(
        'if command -v openssl > /dev/null; then openssl dgst -sha256 "$1"; else sha256sum "$1"; fi',
        first,
      )
      return { seconds: Math.max(moving, hashing), details: { 'moving s': moving, 'hashing s': hashing } }
    },
  }
}
