import { kernelBlock } from '../kernel-block.ts'

/** Elements per array of an engine: a block, whole vectors, and some spare random numbers. */
export const blockRoom = kernelBlock + 16

/** One number for all elements, or an array with one number for each element. */
export type Numbers = number | Float64Array

/** Returns the number for the element j. */
export function numberAt(numbers: Numbers, j: number): number {
  return typeof numbers === 'number' ? numbers : (numbers[j] ?? 0)
}

/**
 * The arrays that an engine owns, each with room for a block. A mask has two 32-bit words for each element, both -1 or
 * both 0.
 */
export type BlockArrays = {
  /** Returns the block of a source, in binary64. */
  source(index: number): Float64Array
  /** The elements of the result, in binary64. */
  output: Float64Array
  /** Mask of the elements that the last choice selected. */
  selected: Int32Array
  /** Mask of the elements that get a change; the others are those of the base. */
  used: Int32Array
  /** Random numbers in [0, 1). */
  uniforms: Float64Array
  /** Population variances over the terms, one for each element. */
  variances: Float64Array
  /** Keys that the last search between two keys has found. */
  gathered: Float64Array
  /** Places of the gathered keys in their block. */
  places: Int32Array
}

/** Makes the arrays of an engine, each for a block or, for `integers`, of a number of 32-bit words. */
export type ArrayAllocator = {
  floats(name: 'output' | 'uniforms' | 'variances' | 'gathered'): Float64Array
  integers(name: 'selected' | 'used' | 'places', words: number): Int32Array
  source(index: number): Float64Array
}

/** Returns the arrays of an engine. The block of a source is made when it is first asked for. */
export function blockArrays(allocate: ArrayAllocator): BlockArrays {
  const sources: Float64Array[] = []
  return {
    source(index) {
      const own = sources[index] ?? allocate.source(index)
      sources[index] = own
      return own
    },
    output: allocate.floats('output'),
    selected: allocate.integers('selected', 2 * blockRoom),
    used: allocate.integers('used', 2 * blockRoom),
    uniforms: allocate.floats('uniforms'),
    variances: allocate.floats('variances'),
    gathered: allocate.floats('gathered'),
    places: allocate.integers('places', blockRoom),
  }
}

/** Sets or clears both words of the element j in a mask. */
export function setMask(mask: Int32Array, j: number, isSet: boolean): void {
  mask[2 * j] = isSet ? -1 : 0
  mask[2 * j + 1] = isSet ? -1 : 0
}
