import { sampleCount, showDims } from '../dims.ts'
import type { Batch } from '../metric.ts'
import { mismatch } from '../mismatch.ts'

/** Images of `channels` planes, `scoreHeight` x `scoreWidth` each, against masks of `height` x `width`. */
export type MaskLayout = {
  samples: number
  /** 1: a label, or the score of class 1, for each pixel. */
  channels: number
  scoreHeight: number
  scoreWidth: number
  height: number
  width: number
}

/**
 * Reads the layout off the dims: outputs [n, C, h, w] or [n, h, w], masks [n, H, W] or [n, 1, H, W].
 * @throws TureenError `TUREEN_METRIC_MISMATCH` for any other, and for an output that looks like [n, H, W, C]
 */
export function maskLayout(metric: string, batch: Batch): MaskLayout {
  const samples = sampleCount(metric, batch)
  const output = planes(batch.output.dims)
  const target = planes(batch.target.dims)
  const found = `output ${showDims(batch.output.dims)}, target ${showDims(batch.target.dims)}`
  if (
    output?.channels === undefined ||
    target?.channels !== 1 ||
    output.height * output.width * output.channels === 0
  ) {
    const expected = 'an output of [n, C, h, w] or [n, h, w] and masks of [n, H, W] or [n, 1, H, W]'
    throw mismatch(metric, 'target', `the shapes do not fit: ${found}; expected ${expected}`)
  }
  const { height, width } = target
  const channelsLast = output.channels === height && output.height === width && output.width !== width
  if (channelsLast) {
    throw mismatch(
      metric,
      'output',
      `the output has its classes on the last axis (${found}); transpose it to [n, C, h, w]`,
    )
  }
  return { samples, channels: output.channels, scoreHeight: output.height, scoreWidth: output.width, height, width }
}

function planes([, ...dims]: readonly number[]): { channels: number; height: number; width: number } | undefined {
  const [channels = 1, height, width, ...more] = dims.length === 2 ? [1, ...dims] : dims
  if (height === undefined || width === undefined || more.length > 0) return undefined
  return { channels, height, width }
}
