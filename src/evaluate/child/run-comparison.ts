import { pairedBootstrap } from '../bootstrap.ts'
import { resampledGains } from '../gain-resamples.ts'
import type { ComparisonOutcome, ComparisonTask, MetricOutcome } from '../protocol.ts'
import { readBatches } from './fed-batches.ts'
import type { OpenDataset } from './open-datasets.ts'
import { released, runModel } from './run-evaluation.ts'
import { type Scorer, startScorers } from './scorers.ts'
import { searchedModel } from './searched-model.ts'

/**
 * Scores several models by one scoring metric on one data set, and computes an interval of the difference between two of them. The
 * interval comes from a paired bootstrap over samples, and so do the gains of an objective. For these, the metric keeps a compact form of each prediction in memory.
 *
 * @throws TureenError as an evaluation does
 */
export async function runComparison(
  task: ComparisonTask,
  open: OpenDataset,
  onProgress: (done: number, total: number) => void,
): Promise<ComparisonOutcome> {
  const { models, soups, metric, compared, bootstrap, gains, threads } = task
  const resampled = gains ? [...compared, gains.single] : compared
  const kept = new Map<number, Scorer>()
  const metrics: MetricOutcome[] = []
  const notANumber: number[] = []
  let samples = 0
  for (const [index, model] of models.entries()) {
    const [scorer] = await startScorers([metric], threads, { keep: resampled.includes(index) })
    if (!scorer) throw new RangeError('no metric was started')
    const run = await runModel(searchedModel(model, soups, open), [scorer], task, {
      open,
      batches: readBatches,
      release: released,
      onProgress: (done, total) => onProgress(index * total + done, models.length * total),
    })
    samples = run.samples
    notANumber.push(run.counts.output.notANumber)
    metrics.push(await scorer.finish(run.counts))
    kept.set(index, scorer)
  }
  const [a, b, single] = resampled.map(index => kept.get(index))
  if (!a?.resampled || !b?.resampled) return { metrics, notANumber, samples, interval: null, leftOut: 0, gains: null }
  const { interval, leftOut } = pairedBootstrap({ samples: a.samples, a: a.resampled, b: b.resampled, ...bootstrap })
  const ofGains =
    gains && single?.resampled
      ? resampledGains({
          samples: a.samples,
          winner: a.resampled,
          best: b.resampled,
          single: single.resampled,
          isRelative: metrics[compared[1]]?.value !== 0,
          seed: gains.seed,
          replicates: bootstrap.replicates,
        })
      : null
  return { metrics, notANumber, samples, interval, leftOut, gains: ofGains && [...ofGains] }
}
