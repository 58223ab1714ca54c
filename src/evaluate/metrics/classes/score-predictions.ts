import { joinedNotes } from '../joined-notes.ts'
import type { ClassResult, ResamplingAccumulator } from '../metric.ts'
import { mismatch } from '../mismatch.ts'
import { noSample, noValue } from '../no-value.ts'
import { argmax } from './argmax.ts'
import { BinaryCounts } from './binary-counts.ts'
import { type ClassCounts, leftOutNote, sumOfCounts } from './class-counts.ts'
import { maybeLabels } from './class-labels.ts'
import type { ClassParameters } from './class-parameters.ts'
import { classReader, forEachRow } from './class-rows.ts'
import { ClassTally } from './class-tally.ts'
import { OneHotTargets, requireAlike, WholeScores } from './doubtful-outputs.ts'
import type { Label } from './label.ts'
import type { LabelCounts } from './label-pairs.ts'
import { LabelTally } from './label-tally.ts'
import { NamedLabelTally } from './named-label-tally.ts'
import { OutputReading } from './output-reading.ts'
import { sampleLabels } from './sample-labels.ts'

/**
 * Returns the score of counts, NaN if it is not defined, and the score of each class that has one. @param leavesOut true for the label of
 * the ignored class
 */
export type ScoreCounts = (
  counts: ClassCounts,
  leavesOut: (label: Label) => boolean,
) => { value: number; perClass: ClassResult[] }

/**
 * Returns an accumulator that counts the predictions of a set and scores the counts. A prediction is the argmax of a row, the threshold
 * decision of a binary head, or a label. It throws TureenError `TUREEN_METRIC_MISMATCH` as {@link classReader} and {@link OutputReading} do.
 *
 * @param leftOut classes that a mean over classes leaves out, in words
 */
export function scorePredictions(
  metric: string,
  parameters: ClassParameters,
  keep: boolean,
  score: ScoreCounts,
  leftOut?: string,
): ResamplingAccumulator {
  const { from } = parameters
  const { read, targets } = classReader(metric, parameters)
  const { names } = targets
  const reading = new OutputReading(metric, from)
  const binary = new BinaryCounts(keep)
  const whole = new WholeScores()
  const oneHot = new OneHotTargets()
  let tally: ClassTally | undefined
  let labels: LabelCounts | undefined
  let isFirst = true

  const settled = (): Pick<ClassTally, 'counts' | 'resampled'> => labels ?? tally ?? binary.settle(reading).tally
  // A note on labels looks at all counts, which would cost more than a resample.
  const noteOf = () => (labels ? labels.note : tally ? undefined : binary.settle(reading).note)
  const leavesOut = (label: Label) => targets.leavesOut(label)
  return {
    targets,
    requireClear() {
      targets.requireMost(metric, false)
      if (labels) {
        oneHot.requireLabels(metric)
        if (!names) requireAlike(metric, labels.counts)
      } else if (!tally && from === 'auto') whole.requireScores(metric)
    },
    add(batch) {
      const areLabels = maybeLabels(batch, from)
      if (isFirst && areLabels)
        labels = names ? new NamedLabelTally(metric, targets, names, keep) : new LabelTally(metric, targets, keep)
      if (areLabels !== (labels !== undefined))
        throw mismatch(metric, 'output', 'some batches of the output are class labels, and some are scores')
      isFirst = false
      if (labels) {
        oneHot.see(batch)
        labels.add(batch)
        return
      }
      const rows = read(batch)
      const { classes, scores, step } = rows
      if (classes > 1) tally ??= new ClassTally(classes, keep)
      const counts = tally ?? binary
      forEachRow(
        rows,
        (start, target) => {
          if (tally) {
            tally.add(target, argmax(scores, start, step, classes))
          } else {
            reading.see(scores, start, step, classes)
            binary.add(target, scores[start] ?? 0)
            whole.see(scores[start] ?? 0)
          }
        },
        () => counts.endSample(),
      )
    },
    result() {
      const counts = targets.named(settled().counts)
      if (sumOfCounts(counts.support) === 0) return noValue(noSample)
      const scored = score(counts, leavesOut)
      return { ...scored, ...joinedNotes(noteOf(), leftOut && leftOutNote(counts, scored.perClass, leftOut)) }
    },
    get samples() {
      return (labels ?? tally ?? binary).samples
    },
    predictions: () =>
      labels ? labels.predictions() : sampleLabels((tally ?? binary.settle(reading).tally).ofSamples, names?.labels),
    resampled: counts => score(targets.named(settled().resampled(counts)), leavesOut).value,
  }
}
