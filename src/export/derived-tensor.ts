import { floatFormat } from '../tensor/float-format.ts'

/** A whole tensor in memory: contiguous little-endian elements of the type `dtype`, aligned to 8 bytes. */
export type DerivedTensor = { dtype: string; dims: number[]; bytes: Uint8Array<ArrayBuffer> }

/** Returns the number of elements that dims hold. */
export function elementsOf(dims: readonly number[]): number {
  return dims.reduce((product, dim) => product * dim, 1)
}

/** Returns the elements of a tensor as binary64, which holds each value of a float type. */
export function valuesOf({ dtype, dims, bytes }: DerivedTensor): Float64Array<ArrayBuffer> {
  const values = new Float64Array(elementsOf(dims))
  floatFormat(dtype).begin(values, bytes, values.length, 1)
  return values
}

/** Returns a tensor of these values, each rounded once to the type, to nearest even. */
export function tensorOfValues(dtype: string, dims: readonly number[], values: Float64Array): DerivedTensor {
  const format = floatFormat(dtype)
  const bytes = new Uint8Array(values.length * format.bytes)
  format.round(values, values.length, bytes)
  return { dtype, dims: [...dims], bytes }
}
