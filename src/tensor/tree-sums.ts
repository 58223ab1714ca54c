/** Many sums side by side, each in the tree that a TreeSum adds in: what each comes to depends on its own numbers and their order alone. */
export class TreeSums {
  #width: number
  /** Sums of 2^level numbers each, the larger ones first. */
  #partial: { level: number; sums: Float64Array }[] = []

  constructor(width: number) {
    this.#width = width
  }

  /** Takes in the next number of each sum. The array is kept, and changed. */
  add(values: Float64Array): void {
    let node = { level: 0, sums: values }
    for (let last = this.#partial.at(-1); last?.level === node.level; last = this.#partial.at(-1)) {
      this.#partial.pop()
      addTo(node.sums, last.sums)
      node = { level: node.level + 1, sums: node.sums }
    }
    this.#partial.push(node)
  }

  get total(): Float64Array {
    const total = new Float64Array(this.#width)
    for (const { sums } of this.#partial.toReversed()) addTo(total, sums)
    return total
  }
}

/** Adds to each sum the number that stands before it. */
function addTo(sums: Float64Array, before: Float64Array): void {
  for (let i = 0; i < sums.length; i += 1) sums[i] = (before[i] ?? 0) + (sums[i] ?? 0)
}
