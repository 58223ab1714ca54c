import { requireClassCount } from '../classes/require-class-count.ts'
import { ignored, type TargetClasses } from '../classes/target-classes.ts'
import type { Values } from '../metric.ts'
import { mismatch } from '../mismatch.ts'

/** All labels are below this bound. Masks are stored as PNG of at most 16 bits, and the bound keeps the counts small. */
export const labelLimit = 65_536

export function isLabel(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value < labelLimit
}

/**
 * Returns the class of each pixel of the target, or {@link ignored}.
 * @throws TureenError `TUREEN_METRIC_MISMATCH` if a value is no label, no class of the output, or not among the classes of the request
 */
export function maskLabels(metric: string, { data }: Values, targets: TargetClasses, channels: number): Int32Array {
  const classes = channels === 1 ? labelLimit : channels
  // One number a pixel may be a label of any class. Only the whole set shows it.
  if (targets.names && channels > 1) requireClassCount(metric, targets.names, channels)
  const labels = new Int32Array(data.length)
  for (let pixel = 0; pixel < data.length; pixel += 1) {
    const label = targets.ofLabel(data[pixel] ?? 0, classes)
    if (label === undefined) throw noLabel(metric, data[pixel] ?? 0, targets, channels)
    labels[pixel] = label
  }
  return labels
}

function noLabel(metric: string, label: number, { names, ignoreIndex }: TargetClasses, channels: number) {
  const range = names
    ? `the request names the classes ${names}`
    : channels === 1
      ? `labels are integers below ${labelLimit}`
      : `the output has the classes 0 to ${channels - 1}`
  const without = names ? '' : 'labels are class indices unless the request names the values as classes; '
  const isLeftOut = ignoreIndex !== null && names?.ofTarget(ignoreIndex) === undefined
  const left = isLeftOut ? `; ignoreIndex, ${ignoreIndex}, is left out` : ''
  return mismatch(metric, 'target', `${without}a mask has the label ${label}: ${range}${left}`, {
    expected: names ? `${names}` : channels === 1 ? `below ${labelLimit}` : `0 to ${channels - 1}`,
    actual: `${label}`,
  })
}
