import { floatFormat } from '../tensor/float-format.ts'
import type { DerivedTensor } from './derived-tensor.ts'

/**
 * Two sums modulo 2^32 over mixed hashes of all elements' bits. Equal multisets of elements have equal digests, in any
 * order, and the digest of a part is the difference of two digests.
 */
export type MultisetDigest = { first: number; second: number }

/** Returns both sums as one key of a Map: 53 of their 64 bits. Equal keys are only candidates, which values confirm. */
export function digestKey({ first, second }: MultisetDigest): number {
  return (first >>> 0) * 2 ** 21 + (second >>> 11)
}

/**
 * Returns the digest of elements.
 * @param width bytes of an element: 1, 2, 4 or 8
 */
export function multisetDigest(bytes: Uint8Array, width: number): MultisetDigest {
  const words = wordsOf(bytes, width)
  const step = width === 8 ? 2 : 1
  return step === 1 ? sumOf(words, 0, words.length) : sumOfPairs(words, 0, words.length)
}

/**
 * Returns the running sums of digests over the places of an axis. Entry `i` is the digest of all places before `i`, so
 * entry `e` minus entry `s` is the digest of the places [s, e).
 * @param size elements before the axis, places of the axis, and elements behind it
 */
export function placeDigests(
  bytes: Uint8Array,
  width: number,
  size: readonly [outer: number, places: number, inner: number],
): { first: Int32Array; second: Int32Array } {
  const [outer, places, inner] = size
  const words = wordsOf(bytes, width)
  const row = width === 8 ? inner * 2 : inner
  const first = new Int32Array(places + 1)
  const second = new Int32Array(places + 1)
  if (row === 1) addElements(words, places, first, second)
  for (let before = 0, at = 0; row > 1 && before < outer; before += 1) {
    for (let place = 1; place <= places; place += 1, at += row) {
      const sum = width === 8 ? sumOfPairs(words, at, at + row) : sumOf(words, at, at + row)
      first[place] = (first[place] ?? 0) + sum.first
      second[place] = (second[place] ?? 0) + sum.second
    }
  }
  for (let place = 1; place <= places; place += 1) {
    first[place] = (first[place] ?? 0) + (first[place - 1] ?? 0)
    second[place] = (second[place] ?? 0) + (second[place - 1] ?? 0)
  }
  return { first, second }
}

/** Returns the key of the digest of a whole tensor. */
export function digestOf({ dtype, bytes }: DerivedTensor): number {
  return digestKey(multisetDigest(bytes, floatFormat(dtype).bytes))
}

type Words = Uint8Array | Uint16Array | Int32Array

function wordsOf(bytes: Uint8Array, width: number): Words {
  if (width === 1) return bytes
  if (width === 2) return new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 2)
  return new Int32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4)
}

/** Adds the digest of each element to the entry behind its place, for an axis with one element in each place. */
function addElements(words: Words, places: number, first: Int32Array, second: Int32Array): void {
  for (let at = 0, place = 1; at < words.length; at += 1, place += 1) {
    if (place > places) place = 1
    const word = words[at] ?? 0
    const half = Math.imul(word ^ (word >>> 16), firstFactor)
    const hash = Math.imul(half ^ (half >>> 13), secondFactor)
    first[place] = (first[place] ?? 0) + (hash ^ (hash >>> 16))
    second[place] = (second[place] ?? 0) + Math.imul(hash ^ (hash >>> 15), thirdFactor)
  }
}

/** Constants of the mixing steps of MurmurHash3 (https://github.com/aappleby/smhasher, fmix32), and an odd number near 2^32 / golden ratio. */
const [firstFactor, secondFactor, thirdFactor] = [0x85ebca6b, 0xc2b2ae35, 0x9e3779b1]

function sumOf(words: Words, start: number, end: number): MultisetDigest {
  let [first, second] = [0, 0]
  for (let at = start; at < end; at += 1) {
    const word = words[at] ?? 0
    const half = Math.imul(word ^ (word >>> 16), firstFactor)
    const hash = Math.imul(half ^ (half >>> 13), secondFactor)
    first = (first + (hash ^ (hash >>> 16))) | 0
    second = (second + Math.imul(hash ^ (hash >>> 15), thirdFactor)) | 0
  }
  return { first, second }
}

/** Returns the digest of elements of two words each. */
function sumOfPairs(words: Words, start: number, end: number): MultisetDigest {
  let [first, second] = [0, 0]
  for (let at = start; at < end; at += 2) {
    const low = words[at] ?? 0
    const word = Math.imul(low ^ (low >>> 15), thirdFactor) ^ (words[at + 1] ?? 0)
    const half = Math.imul(word ^ (word >>> 16), firstFactor)
    const hash = Math.imul(half ^ (half >>> 13), secondFactor)
    first = (first + (hash ^ (hash >>> 16))) | 0
    second = (second + Math.imul(hash ^ (hash >>> 15), thirdFactor)) | 0
  }
  return { first, second }
}
