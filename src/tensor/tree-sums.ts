/** Many sums side by side, each in the tree of a TreeSum. A sum depends only on its numbers and their order. */
export class TreeSums {
  #width: number
  /** Sums of 2^level numbers each, the larger ones first. */
  #partial: { level: number; sums: Float64Array }[] = []

  constructor(width: number) {
    this.#width = width
  }

  /** Takes the next number of each sum. Keeps and changes the array. */
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

/** Adds the number before it to each sum. */
function addTo(sums: Float64Array, before: Float64Array): void {
  for (let i = 0; i < sums.length; i += 1) sums[i] = (before[i] ?? 0) + (sums[i] ?? 0)
}
