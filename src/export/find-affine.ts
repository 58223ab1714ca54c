import { arranged, arrangedTensor } from './arrangement.ts'
import { type CheckpointSources, sourceAs } from './checkpoint-sources.ts'
import type { SourceCandidate } from './choose-source.ts'
import { affineTensor } from './derive-weight.ts'
import { type DerivedTensor, elementsOf, tensorOfValues, valuesOf } from './derived-tensor.ts'
import type { ArrangementFinder } from './same-values.ts'
import { hasEnoughValues } from './value-counts.ts'

/** Fewest elements that prove a scale and a shift. */
const fewestElements = 8
/** Largest difference of a sample from the line through two samples, in the largest magnitude of its terms. */
const lineTolerance = 2 ** -18

/** Largest relative difference between the scale of a line and the scale that an exporter rounded. */
const scaleTolerance = 2 ** -18

/** One scale and one shift for all elements. */
type AffineStep = { scale: number; shift: number }

/** Returns the tensors of which a weight is `scale * w + shift` with one scale and one shift, in the weight's own type. */
export function affineCandidates(
  target: DerivedTensor,
  sources: CheckpointSources,
  finder: ArrangementFinder,
): SourceCandidate[] {
  const { dtype, dims } = target
  const elements = elementsOf(dims)
  if (elements < fewestElements || !hasEnoughValues(target)) return []
  const values = valuesOf(target)
  const same = sources.ofSize(elements).filter(source => source.dtype === dtype)
  return same.flatMap(source => {
    const samples = sources.samples(source, dtype)
    return finder.between(source.dims, dims).flatMap(({ arrangement, places }): SourceCandidate[] => {
      const placed = Float64Array.from(places, place => values[place] ?? 0)
      const wanted = tensorOfValues(dtype, samples.dims, placed)
      const steps = stepsBetween(valuesOf(samples), placed).filter(step => isStep(samples, wanted, step))
      if (steps.length === 0) return []
      const moved = arrangedTensor(sources.read(source, dtype), arrangement)
      const of = arranged(sourceAs(source, dtype), arrangement)
      const step = steps.find(each => isStep(moved, target, each))
      return step ? [{ key: source.key, derivation: { op: 'affine', of, ...step } }] : []
    })
  })
}

function isStep(source: DerivedTensor, target: DerivedTensor, { scale, shift }: AffineStep): boolean {
  return Buffer.compare(affineTensor(source, scale, shift).bytes, target.bytes) === 0
}

/** Returns likely scales and shifts of the line on which all samples lie; none if there is no such line. */
function stepsBetween(x: Float64Array, y: Float64Array): AffineStep[] {
  const [low, high] = [indexOfLeast(x, 1), indexOfLeast(x, -1)]
  const [left, right] = [x[low] ?? 0, x[high] ?? 0]
  if (left === right) return []
  const scale = ((y[high] ?? 0) - (y[low] ?? 0)) / (right - left)
  const shift = (y[low] ?? 0) - scale * left
  const size = Math.abs(shift) + Math.abs(scale) * Math.max(Math.abs(left), Math.abs(right))
  const isOnLine = x.every((value, index) => Math.abs(scale * value + shift - (y[index] ?? 0)) <= lineTolerance * size)
  if (!isOnLine || scale === 0) return []
  const shifts = likelyShifts.filter(each => Math.abs(each - shift) <= lineTolerance * size)
  return likelyScales
    .filter(each => Math.abs(each - Math.abs(scale)) <= scaleTolerance * each)
    .flatMap(each => shifts.map(term => ({ scale: each * Math.sign(scale), shift: term })))
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
