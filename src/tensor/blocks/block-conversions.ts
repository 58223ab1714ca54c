import type { FloatFormat } from '../float-format.ts'

/** Elements that {@link BlockConversions.finish} copied, and the NaN and infinite ones among all. */
export type Finished = { identical: number; nonFinite: number }

/** Converts the stored elements of sources to binary64, and the result back to stored elements. */
export type BlockConversions = {
  /**
   * Decodes the elements of a source to binary64, and returns its block. The encoded bytes must stay unchanged until
   * {@link BlockConversions.finish}.
   */
  decode(format: FloatFormat, elements: Uint8Array, index: number, count: number): Float64Array
  /**
   * Rounds `output` as {@link FloatFormat.round} does, into the `count` elements of `target`. Copies an element whose
   * bits are the same in the first `compared` sources, as decoded last; 0 copies none.
   */
  finish(format: FloatFormat, compared: number, count: number, target: Uint8Array): Finished
}
