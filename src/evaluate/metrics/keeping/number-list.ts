const firstCapacity = 64

/**
 * A growing list of numbers, 8 bytes each, and twice that while it grows. The numbers are outside of the JavaScript heap. So a lack of
 * memory throws a RangeError, which can be caught, and does not end the process.
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

  /** A view of the numbers, valid until the next push. */
  get values(): Float64Array {
    return this.#numbers.subarray(0, this.#length)
  }
}
