import { arranged, arrangedTensor } from './arrangement.ts'
import { type CheckpointSources, sourceAs } from './checkpoint-sources.ts'
import type { SourceCandidate } from './choose-source.ts'
import { affineTensor } from './derive-weight.ts'
import { type DerivedTensor, elementsOf, valuesOf } from './derived-tensor.ts'
import type { ArrangementFinder } from './same-values.ts'
import { hasEnoughValues } from './value-counts.ts'

/** Fewest elements that prove a scale and a shift. */
const fewestElements = 8
/** Largest difference of a sample from the line through two samples, in the largest magnitude of its terms. */
const lineTolerance = 2 ** -18

/** Returns the tensors of which a weight is `scale * w + shift` with one scale and one shift, in the weight's own type. */
export function affineCandidates(
  target: DerivedTensor,
  sources: CheckpointSources,
  finder: ArrangementFinder,
): SourceCandidate[] {
  const elements = elementsOf(target.dims)
  if (elements < fewestElements || !hasEnoughValues(target)) return []
  const values = valuesOf(target)
  return sources
    .ofSize(elements)
    .filter(source => source.dtype === target.dtype)
    .flatMap(source => {
      const samples = valuesOf(sources.samples(source, target.dtype))
      return finder.between(source.dims, target.dims).flatMap(({ arrangement, places }) => {
        const line = lineThrough(
          samples,
          Float64Array.from(places, place => values[place] ?? 0),
        )
        if (!line) return []
        const moved = arrangedTensor(sources.read(source, target.dtype), arrangement)
        const of = arranged(sourceAs(source, target.dtype), arrangement)
        const [first] = line.scales.flatMap(scale =>
          line.shifts
            .filter(shift => Buffer.compare(affineTensor(moved, scale, shift).bytes, target.bytes) === 0)
            .map((shift): SourceCandidate => ({ key: source.key, derivation: { op: 'affine', of, scale, shift } })),
        )
        return first ? [first] : []
      })
    })
}

/** Returns likely scales and shifts of a line on which all samples lie; undefined if there is no such line. */
function lineThrough(x: Float64Array, y: Float64Array): { scales: number[]; shifts: number[] } | undefined {
  const [low, high] = [indexOfLeast(x, 1), indexOfLeast(x, -1)]
  const [left, right] = [x[low] ?? 0, x[high] ?? 0]
  if (left === right) return undefined
  const scale = ((y[high] ?? 0) - (y[low] ?? 0)) / (right - left)
  const shift = (y[low] ?? 0) - scale * left
  const size = Math.abs(shift) + Math.abs(scale) * Math.max(Math.abs(left), Math.abs(right))
  const isOnLine = x.every((value, index) => Math.abs(scale * value + shift - (y[index] ?? 0)) <= lineTolerance * size)
  if (!isOnLine || scale === 0) return undefined
  return {
    scales: likelyScales
      .filter(each => Math.abs(each - Math.abs(scale)) <= 2 ** -12 * each)
      .map(each => each * Math.sign(scale)),
    shifts: likelyShifts.filter(each => Math.abs(each - shift) <= 2 ** -12 * size),
  }
}

/** Returns the index of the least value after a multiplication by a sign. */
function indexOfLeast(values: Float64Array, sign: number): number {
  return values.reduce((best, value, index) => (value * sign < (values[best] ?? 0) * sign ? index : best), 0)
}

/** Scales that exporters fold: 1 / sqrt(n) of attention with n channels in a head, whole numbers and their parts. */
const likelyScales = [
  ...Array.from({ length: 1024 }, (_, index) => 1 / Math.sqrt(index + 1)),
  ...Array.from({ length: 64 }, (_, index) => Math.sqrt(index + 2)),
  ...Array.from({ length: 100 }, (_, index) => (index + 1) / 100),
]

/** Shifts that exporters fold, such as the 1 of a norm that keeps its weight minus 1. */
const likelyShifts = [0, 1, -1, 0.5, -0.5, 2, -2]
