import { sampleCount, shapeMismatch } from '../batch-dims.ts'
import type { Batch, ShapeCheck, ShapeProblem } from '../metric.ts'

/** Images of `channels` planes, `scoreHeight` x `scoreWidth` each, against masks of `height` x `width`. */
export type MaskLayout = ImageLayout & { samples: number }

type ImageLayout = {
  /** Number of channels; 1 if each pixel has one label, or the score of class 1. */
  channels: number
  scoreHeight: number
  scoreWidth: number
  height: number
  width: number
}

/**
 * Returns the layout for the dims: outputs [n, C, h, w] or [n, h, w], masks [n, H, W] or [n, 1, H, W].
 * @throws TureenError `TUREEN_METRIC_MISMATCH` for other dims, and for an output that looks like [n, H, W, C]
 */
export function maskLayout(metric: string, batch: Batch): MaskLayout {
  const samples = sampleCount(metric, batch)
  const layout = layoutOrProblem(batch.output.dims.slice(1), batch.target.dims.slice(1))
  if ('message' in layout) throw shapeMismatch(metric, batch, layout)
  return { samples, ...layout }
}

/** Checks the shapes for a metric that takes every {@link MaskLayout}. */
export const maskShapes: ShapeCheck = (output, target) => {
  const layout = layoutOrProblem(output, target)
  return 'message' in layout ? layout : undefined
}

const unfit: ShapeProblem = {
  field: 'target',
  message: (output, target) =>
    `the shapes do not fit: output ${output}, target ${target}; expected an output of [n, C, h, w] or [n, h, w] and masks of [n, H, W] or [n, 1, H, W]`,
}

const channelsLast: ShapeProblem = {
  field: 'output',
  message: (output, target) =>
    `the output has its classes on the last axis (output ${output}, target ${target}); transpose it to [n, C, h, w]`,
}

function layoutOrProblem(outputDims: readonly number[], targetDims: readonly number[]): ImageLayout | ShapeProblem {
  const output = planes(outputDims)
  const target = planes(targetDims)
  if (!output || target?.channels !== 1 || output.height * output.width * output.channels === 0) return unfit
  const { height, width } = target
  if (output.channels === height && output.height === width && output.width !== width) return channelsLast
  return { channels: output.channels, scoreHeight: output.height, scoreWidth: output.width, height, width }
}

function planes(dims: readonly number[]): { channels: number; height: number; width: number } | undefined {
  const [channels = 1, height, width, ...more] = dims.length === 2 ? [1, ...dims] : dims
  if (height === undefined || width === undefined || more.length > 0) return undefined
  return { channels, height, width }
}
