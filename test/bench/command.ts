import { execFile } from 'node:child_process'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { z } from 'zod'
import { linearModel } from '../support/onnx-model.ts'
import { projectRoot } from '../support/server.ts'
import type { Bench, Contestant } from './harness.ts'
import { writeResnetModels } from './resnet-models.ts'

const run = promisify(execFile)
const script = fileURLToPath(new URL('./hash-and-merge.ts', import.meta.url))
const answer = z.object({ seconds: z.number(), processor: z.number() })
const ofProcessor = 'processor s'
const env = { ...process.env, NODE_COMPILE_CACHE: join(projectRoot, 'node_modules/.cache/compile') }

/** A soup of local files on the command line, beside the hashing of its inputs on all processors and their merge. */
export const commandBench: Bench = {
  name: 'command',
  async open(workspace, signal) {
    const files = await writeResnetModels(workspace, 4, 'float32')
    const tiny = join(workspace, 'tiny.onnx')
    await writeFile(tiny, linearModel([1], [1]))
    const output = join(workspace, 'soup.onnx')
    const soup: Contestant = {
      name: 'tureen soup',
      description: 'the command from its start to its end, less tureen inspect of a tiny model: the start of both',
      inputs: async () => files,
      async run() {
        const start = await command(signal, 'inspect', tiny, '--quiet')
        const whole = await command(signal, 'soup', ...files, '-o', output, '--force', '--quiet')
        await rm(output)
        return {
          seconds: whole.seconds - start.seconds,
          details: { [ofProcessor]: whole.processor - start.processor, 'processor s of the start': start.processor },
        }
      },
    }
    const floor: Contestant = {
      name: 'hashing and merging',
      description: 'test/bench/hash-and-merge.ts: in threads that start with it; its own start is not counted',
      inputs: async () => files,
      async run() {
        const { stdout } = await run(process.execPath, ['--max-semi-space-size=1', script, output, ...files], {
          signal,
          env,
        })
        const { seconds, processor } = answer.parse(JSON.parse(stdout))
        return { seconds, details: { [ofProcessor]: processor } }
      },
    }
    const what = 'the mean of 4 local models of 102 MB, beyond the start of the command'
    return {
      about: ['command: a temporary store below TMPDIR, and models in the same file system'],
      comparisons: [
        { row: 'command/soup', what, ours: soup, baseline: () => floor, target: 1.3 },
        {
          row: 'command/soup-processor',
          what: `${what}, in processor time`,
          of: ofProcessor,
          ours: soup,
          baseline: () => floor,
          target: 1.3,
        },
      ],
      findings: () => [],
    }
  },
}

/** Runs a command. `processor`: seconds of processor time of it and of all processes that it waited for. */
async function command(signal: AbortSignal, ...parameters: string[]): Promise<{ seconds: number; processor: number }> {
  const line = [process.execPath, '--max-semi-space-size=1', join(projectRoot, 'src/tureen.ts'), ...parameters]
  const started = performance.now()
  // `times` prints the times of the shell, and then those of its children, such as 0m1.25s 0m0.50s.
  const { stdout } = await run('bash', ['-c', '"$@" || exit; times', 'bash', ...line], { signal, env })
  const seconds = (performance.now() - started) / 1000
  const ofChildren = stdout.trim().split('\n').at(-1) ?? ''
  const times = [...ofChildren.matchAll(/(\d+)m([\d.]+)s/g)]
  const processor = times.reduce((sum, [, minutes, rest]) => sum + Number(minutes) * 60 + Number(rest), 0)
  return { seconds, processor }
}
