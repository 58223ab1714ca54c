import type { Values } from '../metric.ts'
import { mismatch } from '../mismatch.ts'

/** The label of a pixel that does not count. */
export const ignoredPixel = -1

/** Labels are below this: what masks are kept in, 16-bit PNG at most, holds no others, and counts stay small. */
export const labelLimit = 65_536

export function isLabel(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value < labelLimit
}

/**
 * The label of each pixel of the target.
 * @throws TureenError `TUREEN_METRIC_MISMATCH` if one is no label, or above what the output has
 */
export function maskLabels(metric: string, { data }: Values, ignoreIndex: number, channels: number): Int32Array {
  const labels = new Int32Array(data.length)
  for (let pixel = 0; pixel < data.length; pixel += 1) {
    const label = data[pixel] ?? 0
    if (label === ignoreIndex) labels[pixel] = ignoredPixel
    else if (isLabel(label) && (channels === 1 || label < channels)) labels[pixel] = label
    else {
      const range =
        channels === 1 ? `labels are integers below ${labelLimit}` : `the output has the classes 0 to ${channels - 1}`
      throw mismatch(
        metric,
        'target',
        `a mask has the label ${label}: ${range}; ignoreIndex, ${ignoreIndex}, is left out`,
      )
    }
  }
  return labels
}
