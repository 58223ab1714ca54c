import type { Cut } from '../cut.ts'
import type { Numbers } from './block-arrays.ts'

/** Chooses elements, by their order or at random. Keys, numbers and probabilities may be any arrays. */
export type BlockChoices = {
  /**
   * Selects (in `selected`) the elements after one cut of the order by magnitude, if given, up to another. The first
   * key has the index `first`. Returns the number of selected elements.
   */
  selectBetween(keys: Float64Array, first: number, count: number, behind: Cut | null, upTo: Cut): number
  /** Selects the elements whose number is below their probability. Returns the number of selected elements. */
  selectBelow(numbers: Float64Array, probabilities: Numbers, count: number): number
  /**
   * Fills `uniforms` with multiples of 2^-53 in [0, 1), from the counter `firstBlock` on. Each counter gives two
   * numbers: from the words 0 and 1, then from 2 and 3.
   */
  fillUniforms(key: readonly [number, number], firstBlock: number, blocks: number): void
}
