import { blockEngine } from './block-engine.ts'
import { sumBlock, TreeSum } from './pair-sums.ts'

/**
 * Computes 2 x 4 dot products at the same time, because each addition of a single dot product waits for the one before.
 */
const [rows, lanes] = [2, 4]

/**
 * The dot products of some vectors with each other. They are added over fixed blocks in one fixed tree (see {@link
 * TreeSum}).
 */
export type Gram = {
  vectors: number
  /** Returns the dot product of two vectors. */
  dot(i: number, j: number): number
  /** Returns the length of a vector. */
  norm(i: number): number
  /** Returns the cosine of the angle between two vectors; 0 if one of them has length 0. */
  cosine(i: number, j: number): number
  /** True if all dot products are finite, and all products of two squared lengths. */
  isFinite: boolean
}

/** Adds up the dot products of vectors that arrive block by block. */
export class GramSums {
  #vectors: number
  #pairs: { i: number; j: number; sum: TreeSum }[]
  #block = new Float64Array(rows * lanes)

  constructor(vectors: number) {
    this.#vectors = vectors
    this.#pairs = Array.from({ length: vectors }, (_, i) => i).flatMap(i =>
      Array.from({ length: vectors - i }, (_, k) => ({ i, j: i + k, sum: new TreeSum() })),
    )
  }

  /** Takes the next block of each vector: 4,096 elements, or fewer at the end. */
  add(values: readonly Float64Array[], count: number): void {
    if (count > sumBlock) throw new RangeError('a block has 4,096 elements at most')
    const vector = (index: number) => values[Math.min(index, this.#vectors - 1)] ?? this.#block
    for (let i = 0; i < this.#vectors; i += rows) {
      const some = Array.from({ length: rows }, (_, row) => vector(i + row))
      for (let j = i; j < this.#vectors; j += lanes) {
        const others = Array.from({ length: lanes }, (_, lane) => vector(j + lane))
        blockEngine().dotProducts(some, others, count, this.#block)
        for (const [at, sum] of this.#block.entries()) {
          const row = i + Math.floor(at / lanes)
          const column = j + (at % lanes)
          if (row <= column && column < this.#vectors) this.#pairs[this.#place(row, column)]?.sum.add(sum)
        }
      }
    }
  }

  gram(): Gram {
    return gramOf(
      this.#vectors,
      this.#pairs.map(({ sum }) => sum.total),
    )
  }

  #place(i: number, j: number): number {
    return placeOf(this.#vectors, i, j)
  }
}

/**
 * Returns the Gram matrix of some vectors. `dots` holds the products of each vector with itself and the later ones: (0,
 * 0), (0, 1), ..., (1, 1), ...
 */
export function gramOf(vectors: number, dots: readonly number[]): Gram {
  const dot = (i: number, j: number) => dots[placeOf(vectors, Math.min(i, j), Math.max(i, j))] ?? Number.NaN
  const squares = Array.from({ length: vectors }, (_, i) => dot(i, i))
  const largest = Math.max(0, ...squares)
  return {
    vectors,
    dot,
    norm: i => Math.sqrt(dot(i, i)),
    cosine(i, j) {
      const squares = dot(i, i) * dot(j, j)
      return squares === 0 ? 0 : Math.max(-1, Math.min(1, dot(i, j) / Math.sqrt(squares)))
    },
    isFinite: dots.every(Number.isFinite) && Number.isFinite(largest * largest),
  }
}

function placeOf(vectors: number, i: number, j: number): number {
  return i * vectors - (i * (i - 1)) / 2 + j - i
}
