import { inputAt } from '../merge/merge-input.ts'

/** Values that repeat: each different one once, and the index of each among these. */
export type Repeated<Value> = { values: Value[]; indices: Uint32Array }

/**
 * Returns a column of values that repeat.
 * @param keyOf equal for values of which one can replace the other
 */
export function packRepeated<Value>(
  all: readonly Value[],
  keyOf: (value: Value) => unknown = value => value,
): Repeated<Value> {
  const values: Value[] = []
  const places = new Map<unknown, number>()
  const indices = new Uint32Array(all.length)
  all.forEach((value, index) => {
    const key = keyOf(value)
    let place = places.get(key)
    if (place === undefined) {
      place = values.push(value) - 1
      places.set(key, place)
    }
    indices[index] = place
  })
  return { values, indices }
}

/** Returns a value of a column by its index. @throws RangeError if there is none */
export function repeatedAt<Value>({ values, indices }: Repeated<Value>, index: number): Value {
  return inputAt(values, numberAt(indices, index))
}

/** Returns a column of numbers. Float64 holds all sizes and offsets exactly: files have fewer than 2^53 bytes. */
export function packNumbers<Item>(items: readonly Item[], of: (item: Item) => number): Float64Array {
  const numbers = new Float64Array(items.length)
  items.forEach((item, index) => {
    numbers[index] = of(item)
  })
  return numbers
}

/** Returns the values that only some items have, by the index of the item. */
export function packSome<Item, Value>(
  items: readonly Item[],
  of: (item: Item) => Value | undefined,
): Map<number, Value> {
  const some = new Map<number, Value>()
  items.forEach((item, index) => {
    const value = of(item)
    if (value !== undefined) some.set(index, value)
  })
  return some
}

/** Returns a number of a column by its index. @throws RangeError if there is none */
export function numberAt(numbers: Float64Array | Uint32Array, index: number): number {
  const number = numbers[index]
  if (number === undefined) throw new RangeError(`a column has no number ${index}`)
  return number
}
