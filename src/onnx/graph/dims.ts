/** Sizes of the dimensions of a value, null where one is not known. */
export type Dims = readonly (number | null)[]

/** The product of dims; null if one is not known. */
export function sizeOf(dims: Dims): number | null {
  return dims.reduce<number | null>((size, dim) => (size === null || dim === null ? null : size * dim), 1)
}
