import { sumBlock, TreeSum } from './pair-sums.ts'

/** Products that are added up side by side: one sum alone would wait for each of its additions. */
const lanes = 4

/** Dot products of some vectors with each other, over fixed blocks and in one fixed tree (see {@link TreeSum}). */
export type Gram = {
  vectors: number
  /** The dot product of two vectors. */
  dot(i: number, j: number): number
  /** The length of a vector. */
  norm(i: number): number
  /** The cosine of the angle between two vectors; 0 where one of them has no length. */
  cosine(i: number, j: number): number
  /** Whether all dot products are finite, and the products of any two squared lengths. */
  isFinite: boolean
}

/** Adds up the dot products of vectors that come block by block. */
export class GramSums {
  #vectors: number
  #pairs: { i: number; j: number; sum: TreeSum }[]
  #block = new Float64Array(lanes)

  constructor(vectors: number) {
    this.#vectors = vectors
    this.#pairs = Array.from({ length: vectors }, (_, i) => i).flatMap(i =>
      Array.from({ length: vectors - i }, (_, k) => ({ i, j: i + k, sum: new TreeSum() })),
    )
  }

  /** Takes in the next block of each vector: 4,096 elements, or what is left at the end. */
  add(values: readonly Float64Array[], count: number): void {
    if (count > sumBlock) throw new RangeError('a block has 4,096 elements at most')
    for (let i = 0; i < this.#vectors; i += 1) {
      for (let j = i; j < this.#vectors; j += lanes) {
        const others = Array.from({ length: lanes }, (_, lane) => values[Math.min(j + lane, this.#vectors - 1)])
        dotProducts(values[i] ?? this.#block, others, count, this.#block)
        for (let lane = 0; lane < lanes && j + lane < this.#vectors; lane += 1)
          this.#pairs[this.#place(i, j + lane)]?.sum.add(this.#block[lane] ?? 0)
      }
    }
  }

  gram(): Gram {
    const dots = this.#pairs.map(({ sum }) => sum.total)
    const dot = (i: number, j: number) => dots[this.#place(Math.min(i, j), Math.max(i, j))] ?? Number.NaN
    const squares = Array.from({ length: this.#vectors }, (_, i) => dot(i, i))
    const largest = Math.max(0, ...squares)
    return {
      vectors: this.#vectors,
      dot,
      norm: i => Math.sqrt(dot(i, i)),
      cosine(i, j) {
        const squares = dot(i, i) * dot(j, j)
        return squares === 0 ? 0 : Math.max(-1, Math.min(1, dot(i, j) / Math.sqrt(squares)))
      },
      isFinite: dots.every(Number.isFinite) && Number.isFinite(largest * largest),
    }
  }

  #place(i: number, j: number): number {
    return i * this.#vectors - (i * (i - 1)) / 2 + j - i
  }
}

function dotProducts(
  a: Float64Array,
  [b0, b1, b2, b3]: readonly (Float64Array | undefined)[],
  count: number,
  sums: Float64Array,
): void {
  if (!b0 || !b1 || !b2 || !b3) throw new RangeError('a vector is missing')
  let [s0, s1, s2, s3] = [0, 0, 0, 0]
  for (let k = 0; k < count; k += 1) {
    const x = a[k] ?? 0
    s0 += x * (b0[k] ?? 0)
    s1 += x * (b1[k] ?? 0)
    s2 += x * (b2[k] ?? 0)
    s3 += x * (b3[k] ?? 0)
  }
  sums[0] = s0
  sums[1] = s1
  sums[2] = s2
  sums[3] = s3
}
