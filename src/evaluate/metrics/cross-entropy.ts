import { classShapes } from './classes/class-layout.ts'
import { type ClassParameters, classParameters } from './classes/class-parameters.ts'
import { type ClassRows, classReader, forEachRow } from './classes/class-rows.ts'
import {
  largestLogLoss,
  logLossOfLogit,
  logLossOfLogits,
  logLossOfProbabilities,
  logLossOfProbability,
} from './classes/log-loss.ts'
import { OutputReading } from './classes/output-reading.ts'
import { MeanTally } from './keeping/mean-tally.ts'
import type { Metric } from './metric.ts'
import { noSample, noValue } from './no-value.ts'

/**
 * The mean over samples (or positions) of -log p(target), in nats. p is the softmax of logits, the sigmoid of a binary head's logit, or the
 * output itself, which is not normalised again. It sums both readings until the set shows which one is right. PyTorch: `cross_entropy`,
 * `binary_cross_entropy(_with_logits)`; scikit-learn: `log_loss`.
 */
export const crossEntropy: Metric<ClassParameters> = {
  name: 'crossEntropy',
  description:
    'Mean over samples (or positions) of the negative logarithm of the probability of the target class, in nats',
  direction: 'min',
  per: 'sample',
  target: 'classes',
  parameters: z => z.strictObject(classParameters(z)),
  shapes: classShapes,
  nonFinite: 'an infinite logit is a probability of 0 or 1, and rows without a target that counts have no effect',
  start(parameters, keep) {
    const { from } = parameters
    const { read, targets } = classReader('crossEntropy', parameters)
    const reading = new OutputReading('crossEntropy', from)
    const ofLogits = new MeanTally(keep)
    const ofProbabilities = new MeanTally(keep)
    let atLargest = 0
    let counted = 0

    const addRow = ({ classes, scores, step }: ClassRows, start: number, target: number) => {
      counted += 1
      reading.see(scores, start, step, classes)
      const first = scores[start] ?? 0
      const binary = classes === 1
      if (from !== 'probabilities') {
        ofLogits.add(binary ? logLossOfLogit(first, target) : logLossOfLogits(scores, start, step, classes, target))
      }
      if (reading.logits) return
      const loss = binary
        ? logLossOfProbability(first, target)
        : logLossOfProbabilities(scores, start, step, classes, target)
      if (loss === largestLogLoss) atLargest += 1
      ofProbabilities.add(loss)
    }
    const endSample = () => {
      ofLogits.endSample()
      ofProbabilities.endSample()
    }
    return {
      targets,
      requireClear: () => targets.requireMost('crossEntropy', false),
      add(batch) {
        const rows = read(batch)
        forEachRow(rows, (start, target) => addRow(rows, start, target), endSample)
      },
      result() {
        if (counted === 0) return noValue(noSample)
        if (reading.logits) return { value: ofLogits.mean, note: reading.note }
        const bound = `; targets of probability 0 that count as ${largestLogLoss}: ${atLargest}`
        return { value: ofProbabilities.mean, note: atLargest > 0 ? reading.note + bound : reading.note }
      },
      get samples() {
        return ofLogits.samples
      },
      resampled: counts => (reading.logits ? ofLogits : ofProbabilities).resampled(counts),
    }
  },
}
