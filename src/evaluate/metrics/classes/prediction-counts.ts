import type { Batch } from '../metric.ts'
import { argmax } from './argmax.ts'
import { BinaryCounts } from './binary-counts.ts'
import { type ClassCounts, countPrediction, newClassCounts } from './class-counts.ts'
import type { ClassParameters } from './class-parameters.ts'
import { classReader, forEachRow } from './class-rows.ts'
import { OutputReading } from './output-reading.ts'

/** Predictions of a whole set, counted. */
export type PredictionCounts = {
  /** @throws TureenError `TUREEN_METRIC_MISMATCH` as {@link classReader} and {@link OutputReading} do */
  add(batch: Batch): void
  /** The counts, unless no sample counts, and for binary heads a note of how they were read. */
  settle(): { counts?: ClassCounts; note?: string }
}

/** Counts what accuracy, recall and F1 are made of: the argmax of each row, the threshold of a binary head. */
export function predictionCounts(metric: string, parameters: ClassParameters): PredictionCounts {
  const read = classReader(metric, parameters.ignoreIndex)
  const reading = new OutputReading(metric, parameters.from)
  const binary = new BinaryCounts()
  let counts: ClassCounts | undefined
  let counted = 0

  return {
    add(batch) {
      const rows = read(batch)
      const { classes, scores, step } = rows
      if (classes > 1) counts ??= newClassCounts(classes)
      forEachRow(rows, (start, target) => {
        counted += 1
        if (counts) {
          countPrediction(counts, target, argmax(scores, start, step, classes))
        } else {
          reading.see(scores, start, step, classes)
          binary.add(target, scores[start] ?? 0)
        }
      })
    },
    settle() {
      if (counted === 0) return {}
      return counts ? { counts } : binary.settle(reading)
    },
  }
}
