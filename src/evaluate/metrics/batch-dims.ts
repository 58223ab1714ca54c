import type { TureenError } from '../../errors.ts'
import type { Batch, ShapeProblem, Values } from './metric.ts'
import { mismatch } from './mismatch.ts'

/** Dims as messages show them: `[32, 10]`. */
export function showDims(dims: readonly number[]): string {
  return `[${dims.join(', ')}]`
}

/** How many elements these axes span; 1 for none. */
export function elementCount(dims: readonly number[]): number {
  return dims.reduce((product, dim) => product * dim, 1)
}

export function equalDims(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((dim, axis) => dim === b[axis])
}

/** Dims without the axes of size 1: they hold the same elements in the same order. */
export function squeezed(dims: readonly number[]): number[] {
  return dims.filter(dim => dim !== 1)
}

/**
 * The number of samples of a batch.
 *
 * @throws TureenError `TUREEN_METRIC_MISMATCH` if output and target differ in it
 * @throws RangeError if an array does not have the elements that its dims span, which is the caller's mistake
 */
export function sampleCount(metric: string, { output, target }: Batch): number {
  requireElements(output)
  requireElements(target)
  const [samples = 1] = output.dims
  const [targets = 1] = target.dims
  if (samples === targets) return samples
  throw mismatch(
    metric,
    'target',
    `the output ${showDims(output.dims)} has ${samples} samples, the target ${showDims(target.dims)} has ${targets}`,
    { expected: `${samples} samples`, actual: `${targets} samples` },
  )
}

/** The refusal of a batch because of its shapes. */
export function shapeMismatch(metric: string, { output, target }: Batch, problem: ShapeProblem): TureenError {
  const [own, wanted] = [showDims(output.dims), showDims(target.dims)]
  return mismatch(metric, problem.field, problem.message(own, wanted), {
    actual: problem.field === 'output' ? own : wanted,
  })
}

function requireElements({ dims, data }: Values): void {
  if (data.length !== elementCount(dims)) throw new RangeError(`${data.length} elements are no ${showDims(dims)}`)
}

/** A check that a number, such as that of the classes, is the same in every batch of a set. */
export function constantOverBatches(metric: string, what: string): (value: number) => void {
  let first: number | undefined
  return value => {
    first ??= value
    if (value === first) return
    throw mismatch(metric, 'output', `a batch has ${value} ${what}, those before it have ${first}`, {
      expected: `${first} ${what}`,
      actual: `${value} ${what}`,
    })
  }
}
