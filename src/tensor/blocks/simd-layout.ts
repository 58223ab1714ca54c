import { blockRoom } from './block-arrays.ts'

/** Bytes of a page, in which WebAssembly memory grows. */
export const pageBytes = 64 * 1024

const vectorBytes = 16
const cacheLineBytes = 64
const [addressBytes, numberBytes] = [Uint32Array.BYTES_PER_ELEMENT, Float64Array.BYTES_PER_ELEMENT]

/** Bytes of a block of binary64 elements, and of a mask of one block. */
export const blockBytes = blockRoom * numberBytes
/** Bytes that are reserved for the stored elements of a source, which have at most 32 bits. */
export const storedBytes = blockRoom * Float32Array.BYTES_PER_ELEMENT

/** More than the largest number of models in a merge, plus a base. */
export const mostSources = 1200
/** Copies of arrays that are not the engine's: the most that an operation needs at a time. */
export const mostCopies = 6
/** Numbers that one call of {@link BlockSums.dotProducts} computes. */
export const dotNumbers = 8

/** The regions follow the compiler's own data, which begins at 1,024 (kernel/compile.ts). */
let nextAddress = 4096

/** Returns the address of the next region, at the start of a cache line. */
function region(bytes: number): number {
  const address = nextAddress
  nextAddress = Math.ceil((address + bytes) / cacheLineBytes) * cacheLineBytes
  return address
}

/** Address of each region of the SIMD engine's memory, in bytes, in the order of the addresses. */
export const simdLayout = {
  /** Tables with one entry for each model: addresses of 32 bits, or binary64. */
  terms: region(mostSources * addressBytes),
  factors: region(mostSources * addressBytes),
  weights: region(mostSources * numberBytes),
  votes: region(mostSources * numberBytes),
  /** Two vectors, each with one number twice: numbers that hold for all elements. */
  constants: region(2 * vectorBytes),
  dots: region(dotNumbers * numberBytes),
  /** The arrays of {@link BlockArrays}. */
  output: region(blockBytes),
  uniforms: region(blockBytes),
  variances: region(blockBytes),
  selected: region(blockBytes),
  used: region(blockBytes),
  places: region(blockBytes),
  gathered: region(blockBytes),
  /** The stored elements of the result. */
  rounded: region(storedBytes),
  copies: region(mostCopies * blockBytes),
  /** The blocks of the sources, then their stored elements: one array for each source. */
  sources: region(mostSources * blockBytes),
  stored: region(mostSources * storedBytes),
  end: region(0),
}

/** Returns the bytes of the whole vectors that hold a number of binary64 elements. */
export function bytesOfVectors(count: number): number {
  return Math.ceil((count * numberBytes) / vectorBytes) * vectorBytes
}
