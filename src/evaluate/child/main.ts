import { asTureenError, type Problem } from '../../errors.ts'
import { progressMilliseconds } from '../exchange/answer-limits.ts'
import { frameKinds } from '../exchange/frames.ts'
import type { Task, TaskMessage, TaskResult } from '../protocol.ts'
import { type ModelContent, withFiles } from './model-content.ts'
import { openDatasets } from './open-datasets.ts'
import { readTask, writeFrame } from './pipes.ts'
import { runEvaluation } from './run-evaluation.ts'
import { warmUp } from './warm-up.ts'
import { writeOutcome, writeProblem, writeScored } from './write-answers.ts'

/**
 * The evaluator: the child process in which foreign models run, and the only part that loads onnxruntime-node. It has an empty working
 * directory, almost no environment, and limits that its parent sets. It ends when its parent ends.
 */
const datasets = openDatasets()
const nothing = Buffer.alloc(0)

async function answer(message: TaskMessage): Promise<void> {
  let last = performance.now()
  const onProgress = (done: number, total: number) => {
    const now = performance.now()
    if (now - last < progressMilliseconds) return
    last = now
    writeFrame(frameKinds.progress, Buffer.from(JSON.stringify([done, total])))
  }
  try {
    writeFrame(frameKinds.taken, nothing)
    await datasets.keepFor(message)
    if (!writeOutcome(await run(message, onProgress), message.mostBytes)) writeProblem(tooLarge(message))
  } catch (error) {
    writeProblem(problemOf(error))
  }
}

async function run(message: Task, onProgress: (done: number, total: number) => void): Promise<TaskResult> {
  switch (message.type) {
    case 'evaluate':
      return { type: 'evaluated', outcome: await runEvaluation(message.task, datasets.open, onProgress) }
    case 'score': {
      const { runRange } = await import('./run-range.ts')
      return { type: 'evaluated', outcome: await runRange(message.task, datasets.open, writeScored) }
    }
    case 'compare': {
      const { runComparison } = await import('./run-comparison.ts')
      return { type: 'compared', outcome: await runComparison(message.task, datasets.open, onProgress) }
    }
    case 'tellMistakes': {
      const { runMistakes } = await import('./run-mistakes.ts')
      return { type: 'mistaken', outcome: await runMistakes(message.task, datasets.open, onProgress) }
    }
    case 'measure': {
      const { measureBatchNorms } = await import('./measure-batch-norms.ts')
      const { model, calibration } = message.task
      const measure = (content: ModelContent) => measureBatchNorms(content, calibration, datasets.open, onProgress)
      return { type: 'measured', outcome: await withFiles(model, measure) }
    }
  }
}

function problemOf(error: unknown): Problem {
  if (error instanceof RangeError && /allocation/.test(error.message)) {
    const detail = `The evaluation ran out of memory: ${error.message}.`
    const cause = { field: 'TUREEN_EVAL_MEMORY', actual: error.message, message: 'the evaluation ran out of memory' }
    return { code: 'TUREEN_EVALUATION_MEMORY', detail, errors: [cause] }
  }
  const failure = asTureenError(error)
  const reason = failure.code === 'TUREEN_INTERNAL' && error instanceof Error ? ` (${error.message})` : ''
  return { ...failure.toProblem(), detail: failure.message + reason }
}

function tooLarge({ mostBytes }: TaskMessage): Problem {
  const expected = `${mostBytes.toLocaleString('en')} bytes at most`
  const message = 'the result of the evaluation is too large'
  const detail = `The result of the evaluation is too large: the classes or statistics of the model take more than ${expected}.`
  return { code: 'TUREEN_EVALUATION_FAILED', detail, errors: [{ expected, message }] }
}

if (import.meta.main) {
  await warmUp()
  writeFrame(frameKinds.ready, nothing)
  for (let task = readTask(); task; task = readTask()) await answer(task)
}
