import type { Values } from '../metric.ts'
import { mismatch } from '../mismatch.ts'

/** Stands for the label of a pixel that does not count. */
export const ignoredPixel = -1

/** All labels are below this bound. Masks are stored as PNG of at most 16 bits, and the bound keeps the counts small. */
export const labelLimit = 65_536

export function isLabel(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value < labelLimit
}

/**
 * Returns the label of each pixel of the target.
 * @throws TureenError `TUREEN_METRIC_MISMATCH` if a value is no label, or no class of the output
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
