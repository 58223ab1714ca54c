import { asTureenError } from '../../errors.ts'
import type { ChildMessage, ParentMessage } from '../protocol.ts'
import { limitMemory } from './limit-memory.ts'
import { openDatasets } from './open-datasets.ts'
import { runComparison } from './run-comparison.ts'
import { runEvaluation } from './run-evaluation.ts'
import { warmUp } from './session.ts'

/**
 * The evaluator: the child process in which foreign models run, and the only part that loads onnxruntime-node. It has an empty working
 * directory, almost no environment, and limits. Its parent sets the limits that must exist from the start. The evaluator sets the limit of
 * its memory (bytes, the first argument) after it has loaded its modules. It ends when its parent ends.
 */
const progressMilliseconds = 200

const send = (message: ChildMessage) => process.send?.(message)
/** Sends a message, and resolves when it has left this process: a crash afterwards cannot lose it. */
const sent = (message: ChildMessage) => new Promise(resolve => process.send?.(message, undefined, undefined, resolve))
const datasets = openDatasets()

async function answer(message: ParentMessage): Promise<void> {
  let last = performance.now()
  const onProgress = (done: number, total: number) => {
    const now = performance.now()
    if (now - last < progressMilliseconds) return
    last = now
    send({ type: 'progress', done, total })
  }
  try {
    await sent({ type: 'taken' })
    await datasets.keepFor(message)
    if (message.type === 'evaluate')
      send({ type: 'evaluated', outcome: await runEvaluation(message.task, datasets.open, onProgress) })
    else if (message.type === 'compare')
      send({ type: 'compared', outcome: await runComparison(message.task, datasets.open, onProgress) })
    else {
      const { measureBatchNorms } = await import('./measure-batch-norms.ts')
      send({ type: 'measured', outcome: await measureBatchNorms(message.task, datasets.open, onProgress) })
    }
  } catch (error) {
    if (error instanceof RangeError && /allocation/.test(error.message)) {
      send({
        type: 'problem',
        problem: {
          code: 'TUREEN_EVALUATION_MEMORY',
          detail: `The evaluation ran out of memory: ${error.message}.`,
          errors: [],
        },
      })
      return
    }
    const failure = asTureenError(error)
    const reason = failure.code === 'TUREEN_INTERNAL' && error instanceof Error ? ` (${error.message})` : ''
    send({ type: 'problem', problem: { ...failure.toProblem(), detail: failure.message + reason } })
  }
}

if (import.meta.main) {
  process.on('message', (message: ParentMessage) => void answer(message))
  process.on('disconnect', () => process.exit(0))
  await warmUp()
  limitMemory(Number(process.argv[2]))
  send({ type: 'ready' })
}
