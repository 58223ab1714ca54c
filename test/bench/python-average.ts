import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { z } from 'zod'
import type { Absent, Contestant } from './harness.ts'

const run = promisify(execFile)
const python = '/usr/bin/python3'
const script = fileURLToPath(new URL('./average_onnx.py', import.meta.url))
const answerSchema = z.object({ seconds: z.number(), peakMebibytes: z.number() })

/** The same mean of the same files by onnx and NumPy; absent where Debian's packages are. */
export async function pythonAverage(
  label: string,
  files: () => Promise<readonly string[]>,
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
    name: `onnx ${versions.onnx} with NumPy ${versions.numpy}${label}`,
    description:
      'test/bench/average_onnx.py: load, average, save; its start and imports are not counted, and it hashes nothing',
    inputs: files,
    async run() {
      const { stdout } = await run(python, [script, output, ...(await files())], { signal })
      const { seconds, peakMebibytes } = answerSchema.parse(JSON.parse(stdout))
      return { seconds, details: { 'peak MiB': peakMebibytes } }
    },
  }
}
