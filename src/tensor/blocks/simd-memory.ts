import { type BlockArrays, blockArrays, blockRoom, type Numbers } from './block-arrays.ts'
import { blockBytes, dotNumbers, mostCopies, mostSources, pageBytes, simdLayout, storedBytes } from './simd-layout.ts'

/**
 * The memory of the SIMD engine, laid out as {@link simdLayout} says. Its methods write what an operation needs, and
 * return the addresses for the kernel, in bytes.
 */
export class SimdMemory {
  /** The arrays of the engine, as views of the memory. */
  readonly arrays: BlockArrays
  /** The dot products of the last call. */
  readonly dots: Float64Array
  /** Stored elements of the result. */
  readonly rounded: Uint8Array
  #buffer: ArrayBuffer
  #stored: Uint8Array[] = []
  #copies: Float64Array[]
  #constants: Float64Array
  #terms: Uint32Array
  #factors: Uint32Array
  #weights: Float64Array
  #votes: Float64Array

  /** Grows the memory of a kernel to the size of the layout. Memory that is never touched costs nothing. */
  constructor(memory: WebAssembly.Memory) {
    // Grown at once, since growing detaches all arrays.
    memory.grow(Math.ceil(Math.max(0, simdLayout.end - memory.buffer.byteLength) / pageBytes))
    const { buffer } = memory
    const floats = (address: number) => new Float64Array(buffer, address, blockRoom)
    this.#buffer = buffer
    this.arrays = blockArrays({
      floats: name => floats(simdLayout[name]),
      integers: (name, words) => new Int32Array(buffer, simdLayout[name], words),
      source: index => floats(simdLayout.sources + index * blockBytes),
    })
    this.dots = new Float64Array(buffer, simdLayout.dots, dotNumbers)
    this.rounded = new Uint8Array(buffer, simdLayout.rounded, storedBytes)
    this.#copies = Array.from({ length: mostCopies }, (_, spare) => floats(simdLayout.copies + spare * blockBytes))
    this.#constants = new Float64Array(buffer, simdLayout.constants, 4)
    this.#terms = new Uint32Array(buffer, simdLayout.terms, mostSources)
    this.#factors = new Uint32Array(buffer, simdLayout.factors, mostSources)
    this.#weights = new Float64Array(buffer, simdLayout.weights, mostSources)
    this.#votes = new Float64Array(buffer, simdLayout.votes, mostSources)
  }

  /** Returns the address of an array of the engine. @throws RangeError if the array is not the engine's */
  owned(array: Float64Array): number {
    if (array.buffer !== this.#buffer)
      throw new RangeError('the array is not of this engine; copy it into an array of the engine')
    return array.byteOffset
  }

  /**
   * Returns the address of an array of the engine, or of a copy of the first `count` elements of another array.
   * @param spare place of the copy; an operation gives each of its arrays a place of its own, from 0 to 5
   */
  readable(array: Float64Array, count: number, spare: number): number {
    if (array.buffer === this.#buffer) return array.byteOffset
    const copy = this.copy(spare)
    copy.set(array.subarray(0, count))
    return copy.byteOffset
  }

  /** Returns the array for copies with this place, from 0 to 5. @throws RangeError if there is no such place */
  copy(spare: number): Float64Array {
    const copy = this.#copies[spare]
    if (!copy) throw new RangeError(`place ${spare} for a copy; the last place is ${mostCopies - 1}`)
    return copy
  }

  /**
   * Returns the address of numbers, and 1 if each element has its own or 0 if one holds for all.
   * @param place place of the copy, and of the constant for a single number
   */
  numbers(numbers: Numbers, count: number, place: 0 | 1): [address: number, each: number] {
    if (typeof numbers !== 'number') return [this.readable(numbers, count, place), 1]
    this.#constants.fill(numbers, 2 * place, 2 * place + 2)
    return [this.#constants.byteOffset + 2 * place * Float64Array.BYTES_PER_ELEMENT, 0]
  }

  /** Writes the table of the terms, which are owned, and returns its address. */
  terms(terms: readonly Float64Array[]): number {
    return this.#addresses(terms, this.#terms)
  }

  /** Writes the table of the factors, which are owned, and returns its address. */
  factors(factors: readonly Float64Array[]): number {
    return this.#addresses(factors, this.#factors)
  }

  /** Writes the table of the models' weights, and returns its address. */
  weights(weights: readonly number[]): number {
    this.#weights.set(weights)
    return this.#weights.byteOffset
  }

  /** Writes the table of the models' votes, and returns its address. */
  votes(votes: readonly number[]): number {
    this.#votes.set(votes)
    return this.#votes.byteOffset
  }

  /** Writes the stored elements of a source, and returns their address. */
  stored(index: number, elements: Uint8Array): number {
    const own =
      this.#stored[index] ?? new Uint8Array(this.#buffer, simdLayout.stored + index * storedBytes, storedBytes)
    this.#stored[index] = own
    own.set(elements)
    return own.byteOffset
  }

  #addresses(arrays: readonly Float64Array[], table: Uint32Array): number {
    if (arrays.length > mostSources)
      throw new RangeError(`${arrays.length} models, more than there is room for (${mostSources})`)
    for (const [model, array] of arrays.entries()) table[model] = this.owned(array)
    return table.byteOffset
  }
}
