import { type Mistakes, mistakesOf } from '../mistakes.ts'
import type { MistakesTask } from '../protocol.ts'
import { readBatches } from './fed-batches.ts'
import type { OpenDataset } from './open-datasets.ts'
import { released, runModel } from './run-evaluation.ts'
import { startScorers } from './scorers.ts'
import { searchedModel } from './searched-model.ts'

/**
 * Runs two models on one data set, and finds the samples that exactly one of them gets right. It keeps the predicted classes in memory.
 * @throws TureenError as an evaluation does
 */
export async function runMistakes(
  { models, soups, metric, most, ...task }: MistakesTask,
  open: OpenDataset,
  onProgress: (done: number, total: number) => void,
): Promise<Mistakes> {
  const predictions = []
  for (const [index, model] of models.entries()) {
    const scorers = await startScorers([metric], task.threads, { keep: true })
    await runModel(searchedModel(model, soups, open), scorers, task, {
      open,
      batches: readBatches,
      release: released,
      onProgress: (done, total) => onProgress(index * total + done, models.length * total),
    })
    predictions.push(scorers[0]?.predictions?.())
  }
  return mistakesOf(predictions[0], predictions[1], most)
}
