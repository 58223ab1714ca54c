import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { projectRoot } from '../support/server.ts'
import type { Bench, Contestant } from './harness.ts'

/** The start of an evaluator beside the least that it can take, in processor time: it starts while other work runs. */
export const evaluatorBench: Bench = {
  name: 'evaluator',
  async open(_, signal) {
    const printing = (module: string, name: string, description: string): Contestant => ({
      name,
      description,
      async run() {
        const { stdout } = await promisify(execFile)(
          process.execPath,
          [fileURLToPath(new URL(module, import.meta.url))],
          {
            signal,
            // As `npm start` has it, and without the telemetry of onnxruntime.
            env: {
              ...process.env,
              NODE_COMPILE_CACHE: join(projectRoot, 'node_modules/.cache/compile'),
              ORT_DISABLE_TELEMETRY: '1',
            },
          },
        )
        return { seconds: Number(stdout) }
      },
    })
    return {
      about: [],
      comparisons: [
        {
          row: 'evaluator/start',
          what: 'processor time of the start of an evaluator, until it takes tasks',
          ours: printing(
            './started-evaluator.ts',
            'Tureen',
            'test/bench/started-evaluator.ts: the mean of 10 starts, one after the other',
          ),
          baseline: () =>
            printing(
              './bare-start.ts',
              'bare start',
              'test/bench/bare-start.ts: Node, onnxruntime-node and one tiny session',
            ),
          target: 1.5,
        },
      ],
      findings: () => [],
    }
  },
}
