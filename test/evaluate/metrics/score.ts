import type {
  Accumulator,
  Batch,
  MetricResult,
  ResamplingAccumulator,
  Values,
} from '../../../src/evaluate/metrics/metric.ts'
import { metrics } from '../../../src/evaluate/metrics/metric-registry.ts'
import { parameterSchema } from '../../../src/evaluate/metrics/parameter-schema.ts'

/** An array of these dims. */
export function values(dims: readonly number[], data: ArrayLike<number>): Values {
  return { dims, data }
}

/** An array of these dims that holds one number everywhere. */
export function full(dims: readonly number[], value = 0): Values {
  return values(dims, new Float64Array(dims.reduce((product, dim) => product * dim, 1)).fill(value))
}

/** An array [n] or, of lists, [n, C]. */
export function rows(data: readonly number[] | readonly (readonly number[])[]): Values {
  const lists = data.filter(item => Array.isArray(item))
  const flat = data.flat()
  return lists.length > 0 ? values([data.length, flat.length / data.length], flat) : values([data.length], flat)
}

/** An empty set of which nothing is kept. @throws ZodError for parameters that the metric does not have */
export function start(metric: string, parameters: Record<string, unknown> = {}): Accumulator {
  return startSet(metric, parameters, false)
}

/** An empty set that can be resampled. @throws ZodError as `start` does */
export function startKeeping(metric: string, parameters: Record<string, unknown> = {}): ResamplingAccumulator {
  return startSet(metric, parameters, true)
}

function startSet(name: string, parameters: Record<string, unknown>, keep: boolean): ResamplingAccumulator {
  const metric = metrics.get(name)
  if (!metric) throw new RangeError(`there is no metric ${name}`)
  return metric.start(parameterSchema(metric).parse(parameters), keep)
}

/** The result of a metric over one batch. */
export function score(
  metric: string,
  output: Values,
  target: Values,
  parameters: Record<string, unknown> = {},
): MetricResult {
  return scoreBatches(metric, [{ output, target }], parameters)
}

export function scoreBatches(
  metric: string,
  batches: readonly Batch[],
  parameters: Record<string, unknown> = {},
): MetricResult {
  const accumulator = start(metric, parameters)
  for (const batch of batches) accumulator.add(batch)
  return accumulator.result()
}

/** Samples `from` up to before `to` of an array. */
function samples({ dims: [count = 1, ...dims], data }: Values, from: number, to: number): Values {
  const size = data.length / count
  return { dims: [to - from, ...dims], data: Array.from(data).slice(from * size, to * size) }
}

/** The set cut into batches behind the samples of these numbers. */
export function split({ output, target }: Batch, cuts: readonly number[]): Batch[] {
  const count = output.dims[0] ?? 1
  const edges = [0, ...cuts.map(cut => cut % (count + 1)).sort((a, b) => a - b), count]
  return edges.slice(1).map((to, index) => {
    const from = edges[index] ?? 0
    return { output: samples(output, from, to), target: samples(target, from, to) }
  })
}
