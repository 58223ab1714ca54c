import type { FloatFormat } from './float-format.ts'

/** Elements per partial sum. A fixed size makes a sum independent of how much of a tensor is read at a time. */
export const sumBlock = 4096

/**
 * Adds numbers in one fixed binary tree: first neighbours, then neighbours of those sums. The result depends only on
 * the numbers and their order.
 */
export class TreeSum {
  /** Sums of 2^k numbers each, the larger ones first. */
  #partial: { level: number; sum: number }[] = []

  add(value: number): void {
    let node = { level: 0, sum: value }
    for (let last = this.#partial.at(-1); last?.level === node.level; last = this.#partial.at(-1)) {
      this.#partial.pop()
      node = { level: node.level + 1, sum: last.sum + node.sum }
    }
    this.#partial.push(node)
  }

  get total(): number {
    return this.#partial.reduceRight((sum, node) => node.sum + sum, 0)
  }
}

/** Measures of two tensors, or of two whole models, over the elements that are finite in both. */
export type PairMeasure = {
  /** Sum of a_i b_i. */
  dot: number
  /** Sums of a_i^2, of b_i^2 and of (b_i - a_i)^2. */
  squares: { a: number; b: number; difference: number }
  /** The numbers of NaN and infinite elements. */
  nonFinite: { a: number; b: number }
}

/** A block of each tensor. One for all sums: a comparison may make a hundred thousand sums of a few elements. */
const [blockOfA, blockOfB] = [new Float64Array(sumBlock), new Float64Array(sumBlock)]

/**
 * Adds up the {@link PairMeasure} of two tensors of one type, in binary64. Chunks must be whole blocks, except the
 * last.
 */
export class PairSums {
  #format: FloatFormat
  #sums = { dot: new TreeSum(), a: new TreeSum(), b: new TreeSum(), difference: new TreeSum() }
  #nonFinite = { a: 0, b: 0 }

  constructor(format: FloatFormat) {
    this.#format = format
  }

  /** Takes the next elements of both tensors. */
  add(a: Uint8Array, b: Uint8Array): void {
    const { bytes } = this.#format
    const elements = a.byteLength / bytes
    for (let from = 0; from < elements; from += sumBlock) {
      const count = Math.min(sumBlock, elements - from)
      this.#addBlock(
        a.subarray(from * bytes, (from + count) * bytes),
        b.subarray(from * bytes, (from + count) * bytes),
        count,
      )
    }
  }

  get measure(): PairMeasure {
    const { dot, a, b, difference } = this.#sums
    return {
      dot: dot.total,
      squares: { a: a.total, b: b.total, difference: difference.total },
      nonFinite: { ...this.#nonFinite },
    }
  }

  #addBlock(aBytes: Uint8Array, bBytes: Uint8Array, count: number): void {
    const [a, b] = [blockOfA, blockOfB]
    this.#format.begin(a, aBytes, count, 1)
    this.#format.begin(b, bBytes, count, 1)
    let [dot, aa, bb, difference] = [0, 0, 0, 0]
    for (let i = 0; i < count; i += 1) {
      const x = a[i] ?? 0
      const y = b[i] ?? 0
      const [xIsFinite, yIsFinite] = [Number.isFinite(x), Number.isFinite(y)]
      if (!xIsFinite) this.#nonFinite.a += 1
      if (!yIsFinite) this.#nonFinite.b += 1
      if (!xIsFinite || !yIsFinite) continue
      dot += x * y
      aa += x * x
      bb += y * y
      difference += (y - x) * (y - x)
    }
    this.#sums.dot.add(dot)
    this.#sums.a.add(aa)
    this.#sums.b.add(bb)
    this.#sums.difference.add(difference)
  }
}

/** Combines the measures of several tensors into one. */
export function combined(measures: readonly PairMeasure[]): PairMeasure {
  const total = (of: (measure: PairMeasure) => number) => {
    const sum = new TreeSum()
    for (const measure of measures) sum.add(of(measure))
    return sum.total
  }
  return {
    dot: total(({ dot }) => dot),
    squares: {
      a: total(({ squares }) => squares.a),
      b: total(({ squares }) => squares.b),
      difference: total(({ squares }) => squares.difference),
    },
    nonFinite: { a: total(({ nonFinite }) => nonFinite.a), b: total(({ nonFinite }) => nonFinite.b) },
  }
}

/** Returns the cosine of the angle between a and b; null if one of them is all zeros. */
export function cosineOf({ dot, squares: { a, b } }: PairMeasure): number | null {
  const lengths = Math.sqrt(a) * Math.sqrt(b)
  if (!(lengths > 0) || !Number.isFinite(dot / lengths)) return null
  return Math.max(-1, Math.min(1, dot / lengths))
}

/** Returns the length (L2) of b - a divided by the length of a: 0 if they are equal, null if only a is all zeros. */
export function relativeDistanceOf({ squares: { a, difference } }: PairMeasure): number | null {
  if (difference === 0) return 0
  const distance = Math.sqrt(difference) / Math.sqrt(a)
  return Number.isFinite(distance) ? distance : null
}
