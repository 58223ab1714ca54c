/** Sizes of a value's dimensions, null for an unknown size. */
export type Dims = readonly (number | null)[]

/** Returns the product of dims; null if one is unknown. */
export function sizeOf(dims: Dims): number | null {
  return dims.reduce<number | null>((size, dim) => (size === null || dim === null ? null : size * dim), 1)
}
