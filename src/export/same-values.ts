import { type Arrangement, arrangedTensor, possibleArrangements } from './arrangement.ts'
import { type DerivedTensor, elementsOf } from './derived-tensor.ts'
import { stridesOf } from './element-moves.ts'

/** Groups of elements that are compared before all are, and elements of each group. */
const [groups, groupElements] = [8, 8]

/** Returns the runs of places whose elements are compared first, all places of a small tensor. */
export function samplePlaces(elements: number): { starts: number[]; length: number } {
  if (elements <= groups * groupElements) return { starts: [0], length: elements }
  const last = elements - groupElements
  const starts = Array.from({ length: groups }, (_, group) => Math.floor((group * last) / (groups - 1)))
  return { starts, length: groupElements }
}

/** An arrangement with the places to which it moves the samples. */
export type SampledArrangement = { arrangement: Arrangement; places: readonly number[] }

/** Finds rearrangements between tensors. It remembers those that are possible between two shapes. */
export class ArrangementFinder {
  readonly #known = new Map<string, readonly SampledArrangement[]>()

  /**
   * Returns every rearrangement that makes one tensor of another of the same type and number of elements. Several fit
   * only if the values repeat, as those of a symmetric matrix do.
   */
  find(source: DerivedTensor, target: DerivedTensor): Arrangement[] {
    return this.fitting(source.dims, samplesOf(source), target).filter(arrangement => {
      return Buffer.compare(arrangedTensor(source, arrangement).bytes, target.bytes) === 0
    })
  }

  /** Returns the rearrangements that put each sample of a tensor where another tensor has it. @param values elements at the {@link samplePlaces} */
  fitting(dims: readonly number[], values: DerivedTensor, target: DerivedTensor): Arrangement[] {
    const count = elementsOf(values.dims)
    const width = values.bytes.byteLength / count
    const isThere = (places: readonly number[]) => {
      for (let index = 0; index < count; index += 1) {
        const place = places[index] ?? 0
        for (let byte = 0; byte < width; byte += 1)
          if (values.bytes[index * width + byte] !== target.bytes[place * width + byte]) return false
      }
      return true
    }
    return this.between(dims, target.dims).flatMap(({ arrangement, places }) => (isThere(places) ? [arrangement] : []))
  }

  /** Returns the rearrangements between two shapes, each with the places to which it moves the samples of the first. */
  between(from: readonly number[], to: readonly number[]): readonly SampledArrangement[] {
    const id = JSON.stringify([from, to])
    const known = this.#known.get(id)
    if (known) return known
    const { starts, length } = samplePlaces(elementsOf(from))
    const sampled = starts.flatMap(start => Array.from({ length }, (_, index) => start + index))
    const found = possibleArrangements(from, to).map(arrangement => {
      return { arrangement, places: sampled.map(place => placeAfter(place, arrangement, from)) }
    })
    this.#known.set(id, found)
    return found
  }
}

/** Returns the elements of a tensor at the {@link samplePlaces}, one run after the other. */
export function samplesOf({ dtype, dims, bytes }: DerivedTensor): DerivedTensor {
  const elements = elementsOf(dims)
  const width = bytes.byteLength / elements
  const { starts, length } = samplePlaces(elements)
  const parts = starts.map(start => bytes.subarray(start * width, (start + length) * width))
  return { dtype, dims: [starts.length * length], bytes: Uint8Array.from(Buffer.concat(parts)) }
}

/** Returns the place to which a rearrangement moves an element. */
function placeAfter(place: number, { before, axes }: Arrangement, from: readonly number[]): number {
  if (!axes) return place
  const dims = before ?? from
  const strides = stridesOf(axes.map(axis => dims[axis] ?? 1))
  let [rest, moved] = [place, 0]
  for (let axis = dims.length - 1; axis >= 0; axis -= 1) {
    const dim = dims[axis] ?? 1
    moved += (rest % dim) * (strides[axes.indexOf(axis)] ?? 0)
    rest = Math.floor(rest / dim)
  }
  return moved
}
