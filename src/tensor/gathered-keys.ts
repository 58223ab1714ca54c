import type { Cut } from './cut.ts'
import { ascendingAt } from './quickselect.ts'

type KeyRoom = { keys: Float64Array; indices: Float64Array }

/** Arrays for reuse: allocating them for every tensor would keep the garbage collector busy. */
const spareRooms: KeyRoom[] = []
const mostSpareRooms = 8

/** Keys of elements with their indices, in ascending order of index. Finds the key at a rank. */
export class GatheredKeys {
  #keys: Float64Array
  #indices: Float64Array
  #most: number
  #count = 0

  /**
   * @param most the largest number of keys
   * @param expected the number of keys to make room for at first; the room then doubles as needed
   */
  constructor(most: number, expected = 1 << 12) {
    const room = spareRooms.pop() ?? { keys: new Float64Array(expected), indices: new Float64Array(expected) }
    this.#most = most
    this.#keys = room.keys
    this.#indices = room.indices
  }

  /** Gives the memory back for reuse. The object cannot be used afterwards. */
  release(): void {
    if (spareRooms.length < mostSpareRooms) spareRooms.push({ keys: this.#keys, indices: this.#indices })
  }

  get count(): number {
    return this.#count
  }

  /** Adds a key; returns false if `most` is reached. */
  add(key: number, index: number): boolean {
    if (!this.#makeRoom(1)) return false
    this.#keys[this.#count] = key
    this.#indices[this.#count] = index
    this.#count += 1
    return true
  }

  /** Adds the first `count` keys. The index of a key is `first` plus its place. Returns false if not all fit. */
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

  /**
   * Returns the cut after the element with a rank. The largest key is first, equal keys follow in order of index.
   * Either all keys are NaN, or none is.
   */
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
