import { constantOverBatches } from './batch-dims.ts'
import { nanIsHighest } from './classes/argmax.ts'
import { type ClassCounts, leftOutNote, sumOfCounts, valuePerClass } from './classes/class-counts.ts'
import { type ClassParameters, outputsFrom, targetParameters } from './classes/class-parameters.ts'
import { ClassTally } from './classes/class-tally.ts'
import { ignored, TargetClasses } from './classes/target-classes.ts'
import { joinedNotes } from './joined-notes.ts'
import { maskLabels } from './masks/mask-labels.ts'
import { maskLayout, maskShapes } from './masks/mask-layout.ts'
import { predictedRows } from './masks/predicted-rows.ts'
import { SingleChannelCounts } from './masks/single-channel.ts'
import type { Metric } from './metric.ts'
import { noValue } from './no-value.ts'
import { meanOf } from './running-sum.ts'

/** The label that is ignored by convention of Pascal VOC, of Cityscapes, and of ADE20K without its background. */
const ignoredLabel = 255

const leftOut = 'without pixels in masks and predictions, or ignored'

/**
 * The mean over the classes of intersection / union, in pixels of the whole set: correct / (targets + predictions - correct). See
 * Everingham et al. 2010, doi:10.1007/s11263-009-0275-4; it counts as MMSegmentation and SegFormer's evaluation do. It leaves out the
 * ignored class, and classes that occur in neither masks nor predictions. Outputs [n, C, h, w] of another size are resampled bilinearly to
 * the size of the masks before the argmax.
 */
export const meanIoU: Metric<ClassParameters> = {
  name: 'meanIoU',
  description:
    'Mean over the classes of intersection over union of predicted and target pixels, over the whole set; per class: that ratio',
  direction: 'max',
  per: 'set',
  target: 'masks',
  parameters: z =>
    z.strictObject({
      ...targetParameters(z, ignoredLabel),
      from: outputsFrom(z),
    }),
  shapes: maskShapes,
  nonFinite: nanIsHighest,
  start({ from, ...parameters }, keep) {
    const targets = new TargetClasses(parameters, ignoredLabel)
    const { names } = targets
    const requireConstant = constantOverBatches('meanIoU', 'channels')
    let single: SingleChannelCounts | undefined
    let tally: ClassTally | undefined
    const settle = (): { tally?: ClassTally; note?: string } => (tally ? { tally } : (single?.settle() ?? {}))
    const score = (counts: ClassCounts) => {
      const perClass = valuePerClass(counts, ({ support, predicted, correct }) =>
        support + predicted > 0 ? correct / (support + predicted - correct) : undefined,
      ).filter(result => !targets.leavesOut(result.class))
      return { value: meanOf(perClass.map(({ value }) => value)), perClass }
    }
    return {
      targets,
      requireClear() {
        targets.requireMost('meanIoU', true)
        single?.requireClear()
      },
      add(batch) {
        const layout = maskLayout('meanIoU', batch)
        const { channels, height, width } = layout
        requireConstant(channels)
        const labels = maskLabels('meanIoU', batch.target, targets, channels)
        if (channels > 1) tally ??= new ClassTally(channels, keep)
        else {
          single ??= new SingleChannelCounts('meanIoU', from, names, keep)
          single.see(batch.output, layout.scoreHeight !== height || layout.scoreWidth !== width)
        }
        const counts = tally ?? single
        predictedRows(
          batch.output.data,
          layout,
          (sample, y, row) => {
            const start = (sample * height + y) * width
            for (let x = 0; x < width; x += 1) {
              const label = labels[start + x] ?? ignored
              if (label !== ignored) counts?.add(label, row[x] ?? 0)
            }
          },
          () => counts?.endSample(),
        )
      },
      result() {
        const { tally, note } = settle()
        if (!tally || sumOfCounts(tally.counts.support) === 0) return noValue('no pixel counts')
        const counts = targets.named(tally.counts)
        const scored = score(counts)
        return { ...scored, ...joinedNotes(note, leftOutNote(counts, scored.perClass, leftOut)) }
      },
      get samples() {
        return (tally ?? single)?.samples ?? 0
      },
      resampled(counts) {
        const resampled = settle().tally?.resampled(counts)
        return resampled && sumOfCounts(resampled.support) > 0 ? score(resampled).value : Number.NaN
      },
    }
  },
}
