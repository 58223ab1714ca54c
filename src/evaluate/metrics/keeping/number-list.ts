const firstCapacity = 64

/**
 * Numbers that become more, in 8 bytes each, twice as many while it grows. They lie outside of JavaScript's own heap: what does
 * not fit is a RangeError that can be caught, and not the end of the process.
 */
export class NumberList {
  #numbers = new Float64Array(0)
  #length = 0

  push(number: number): void {
    if (this.#length === this.#numbers.length) {
      const larger = new Float64Array(Math.max(firstCapacity, 2 * this.#length))
      larger.set(this.#numbers)
      this.#numbers = larger
    }
    this.#numbers[this.#length] = number
    this.#length += 1
  }

  get length(): number {
    return this.#length
  }

  /** What is in the list now, not copied: it is to be read before the next push. */
  get values(): Float64Array {
    return this.#numbers.subarray(0, this.#length)
  }
}
