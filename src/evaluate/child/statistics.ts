import { TureenError } from '../../errors.ts'
import { type ByteSource, memorySource, readBytes } from '../../onnx/byte-source.ts'
import { elementSource } from '../../onnx/elements.ts'
import type { BatchNorm } from '../../onnx/graph/batch-norms.ts'
import type { TensorEntry } from '../../onnx/layout.ts'
import { dtypeName } from '../../tensor/dtype.ts'
import { floatFormat } from '../../tensor/float-format.ts'
import type { ChannelMoments } from '../channel-moments.ts'
import type { MeasuredLayer } from '../protocol.ts'
import type { ModelContent } from './model-content.ts'

type Statistics = { mean: Float64Array; variance: Float64Array }

/** Reads the running statistics of a batch norm from a model. */
export function statisticsOf({ bytes, data }: ModelContent, { mean, variance }: BatchNorm): Statistics {
  const source = memorySource(bytes)
  return { mean: decoded(mean, source, data), variance: decoded(variance, source, data) }
}

function decoded(tensor: TensorEntry, source: ByteSource, data: ReadonlyMap<string, ByteSource>): Float64Array {
  const elements = elementSource(tensor, source, data)
  const values = new Float64Array(tensor.elements)
  floatFormat(dtypeName(tensor.dataType)).begin(values, readBytes(elements, 0, elements.byteLength), values.length, 1)
  return values
}

/**
 * Returns measured statistics as the bytes of their tensors, by the paths of the tensors, rounded once.
 * @throws TureenError `TUREEN_RECALIBRATION_IMPOSSIBLE` if a value is not finite, or not finite in the tensor's type
 */
export function encodeStatistics(
  { node, mean, variance }: BatchNorm,
  moments: ChannelMoments,
): [path: string, bytes: Uint8Array<ArrayBuffer>][] {
  return [
    [mean.path, encoded(mean, moments.mean, node, 'mean')],
    [variance.path, encoded(variance, moments.variance, node, 'variance')],
  ]
}

function encoded(
  { dataType, name }: TensorEntry,
  values: Float64Array<ArrayBuffer>,
  node: string,
  what: string,
): Uint8Array<ArrayBuffer> {
  const dtype = dtypeName(dataType)
  const format = floatFormat(dtype)
  const bytes = new Uint8Array(values.length * format.bytes)
  format.round(values, values.length, bytes)
  if (format.countNonFinite(bytes, values.length) === 0) return bytes
  const channel = values.findIndex((value, index) => {
    const element = bytes.slice(index * format.bytes, (index + 1) * format.bytes)
    return !Number.isFinite(value) || format.countNonFinite(element, 1) > 0
  })
  const message = `the ${what} of channel ${channel} is ${values[channel]}, which no finite ${dtype} is`
  throw new TureenError(
    'TUREEN_RECALIBRATION_IMPOSSIBLE',
    `The batch norm ${node} cannot be recalibrated: ${message}. Look for NaN in the data and the weights.`,
    [{ node, tensor: name, expected: `a finite ${dtype}`, actual: `${values[channel]}`, message }],
  )
}

/** Returns the change of a batch norm's statistics. */
export function movement({ node }: BatchNorm, before: Statistics, moments: ChannelMoments): MeasuredLayer {
  const { mean, variance } = moments
  const shifts = [...mean].flatMap((value, channel) => {
    const spread = variance[channel] ?? 0
    return spread > 0 ? [(value - (before.mean[channel] ?? 0)) ** 2 / spread] : []
  })
  const sum = (values: Iterable<number>) => [...values].reduce((total, value) => total + value, 0)
  const old = sum(before.variance)
  return {
    node,
    channels: mean.length,
    meanShift: shifts.length > 0 ? finite(Math.sqrt(sum(shifts) / shifts.length)) : null,
    varianceRatio: old === 0 ? null : finite(sum(variance) / old),
  }
}

function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null
}
