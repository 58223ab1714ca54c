import type { TureenError } from '../../errors.ts'
import type { Batch, ShapeProblem, Values } from './metric.ts'
import { mismatch } from './mismatch.ts'

/** Returns dims as messages show them, such as `[32, 10]`. */
export function showDims(dims: readonly number[]): string {
  return `[${dims.join(', ')}]`
}

/** Returns the number of elements of an array with these dims; 1 without dims. */
export function elementCount(dims: readonly number[]): number {
  return dims.reduce((product, dim) => product * dim, 1)
}

export function equalDims(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((dim, axis) => dim === b[axis])
}

/** Returns the dims without axes of size 1. An array with them has the same elements in the same order. */
export function squeezed(dims: readonly number[]): number[] {
  return dims.filter(dim => dim !== 1)
}

/**
 * Returns the number of samples of a batch.
 *
 * @throws TureenError `TUREEN_METRIC_MISMATCH` if output and target have different numbers of samples
 * @throws RangeError if the number of elements of an array does not fit its dims, which is a mistake of the caller
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

/** Returns the refusal of a batch because of its shapes. */
export function shapeMismatch(metric: string, { output, target }: Batch, problem: ShapeProblem): TureenError {
  const [own, wanted] = [showDims(output.dims), showDims(target.dims)]
  return mismatch(metric, problem.field, problem.message(own, wanted), {
    actual: problem.field === 'output' ? own : wanted,
  })
}

function requireElements({ dims, data }: Values): void {
  if (data.length !== elementCount(dims)) throw new RangeError(`${data.length} elements are no ${showDims(dims)}`)
}

/** Returns a check that a number, such as the number of classes, is equal in every batch of a set. */
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
