import type { Cut } from './cut.ts'
import { ascendingAt } from './quickselect.ts'

type Room = { keys: Float64Array; indices: Float64Array }

/** Room that is used again: giving it back to the machine for every tensor would keep the garbage collector busy. */
const spareRooms: Room[] = []
const mostSpareRooms = 8

/** Keys of some elements with their indices, in the order of these, of which the one at a rank is looked for. */
export class GatheredKeys {
  #keys: Float64Array
  #indices: Float64Array
  #most: number
  #count = 0

  /** @param most how many there may be @param expected for how many there is room at first, which then doubles */
  constructor(most: number, expected = 1 << 12) {
    const room = spareRooms.pop() ?? { keys: new Float64Array(expected), indices: new Float64Array(expected) }
    this.#most = most
    this.#keys = room.keys
    this.#indices = room.indices
  }

  /** Ends its use. */
  release(): void {
    if (spareRooms.length < mostSpareRooms) spareRooms.push({ keys: this.#keys, indices: this.#indices })
  }

  get count(): number {
    return this.#count
  }

  /** @returns false if there is no room any more */
  add(key: number, index: number): boolean {
    if (!this.#makeRoom(1)) return false
    this.#keys[this.#count] = key
    this.#indices[this.#count] = index
    this.#count += 1
    return true
  }

  /**
   * Adds the first `count` keys, the indices of which are so many more than their places.
   * @returns false if there is no room for all
   */
  addBlock(keys: Float64Array, places: Int32Array, count: number, first: number): boolean {
    if (!this.#makeRoom(count)) return false
    this.#keys.set(keys.subarray(0, count), this.#count)
    for (let i = 0; i < count; i += 1) this.#indices[this.#count + i] = first + (places[i] ?? 0)
    this.#count += count
    return true
  }

  #makeRoom(count: number): boolean {
    const needed = this.#count + count
    if (needed > this.#most) return false
    while (this.#keys.length < needed) {
      this.#keys = grown(this.#keys)
      this.#indices = grown(this.#indices)
    }
    return true
  }

  /** The cut behind the element with a rank: the largest first, equal ones in their order. They are all NaN, or none is. */
  cutAt(rank: number): Cut {
    const keys = this.#keys.subarray(0, this.#count)
    if (rank >= keys.length) throw new RangeError('a rank beyond the elements')
    const value = ascendingAt(keys, keys.length - 1 - rank)
    let larger = 0
    for (let i = 0; i < keys.length; i += 1) if ((keys[i] ?? 0) > value) larger += 1
    let equal = rank - larger
    const isNumber = !Number.isNaN(value)
    for (let i = 0; i < keys.length; i += 1) {
      if (isNumber && keys[i] !== value) continue
      if (equal === 0) return { value, last: this.#indices[i] ?? 0 }
      equal -= 1
    }
    throw new RangeError('a rank beyond the elements')
  }
}

function grown(array: Float64Array): Float64Array<ArrayBuffer> {
  const larger = new Float64Array(2 * array.length)
  larger.set(array)
  return larger
}
