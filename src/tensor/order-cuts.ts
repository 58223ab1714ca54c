import type { Cut } from './cut.ts'
import { GatheredKeys } from './gathered-keys.ts'
import { RankBracket, type Sample } from './rank-bracket.ts'

/**
 * Finds elements by rank in an order by size, exactly, by streaming. The largest is first, equal elements follow by
 * index. Every NaN is larger than infinity, and equal to every other NaN.
 *
 * A sample suggests two keys around the element at a rank, and a first pass gathers the keys between them. If the
 * element is not there, a histogram over the leading bits finds its bin. A bin of few elements is gathered; otherwise
 * the next bits are counted. Memory does not depend on the number of elements.
 */

/** Takes the next keys of every stream, each non-negative or NaN. The first of them has the index `first`. */
export type KeyVisitor = (keys: readonly Float64Array[], first: number, count: number) => void

/** The largest number of elements of a bin that are gathered, for each cut. */
const gatheredAtMost = 1 << 16

/** Widths of the bit fields, counted one after the other. The sign bit, which is always 0, comes before the first. */
const leadingBits = 16
const secondBits = 15
const lowBits = 16

type CutSearch = {
  stream: number
  /** The rank of the sought element among the elements of its bin. */
  rank: number
  /** The number of bit fields known: 0 to 4. */
  level: number
  /** The known leading fields of the upper and of the lower word. */
  high: number
  low: number
  bins: Uint32Array | null
  gathered: GatheredKeys | null
  /** The range that is searched first. */
  bracket: RankBracket | null
  cut: Cut | null
}

/**
 * Finds the cuts after the elements with certain ranks (0: the largest).
 *
 * @param ranks for each stream the ranks to find, each below the number of its elements
 * @param samples some keys of each stream
 * @param scan visits all elements of all streams in order; called a few times
 * @returns the cuts of each stream, in the order of its ranks
 */
export function findCuts(
  ranks: readonly (readonly number[])[],
  samples: readonly Sample[],
  scan: (visit: KeyVisitor) => void,
): Cut[][] {
  const searches = ranks.map((some, stream) => some.map(rank => newSearch(stream, rank, samples[stream])))
  const all = searches.flat()
  for (let open = all; open.length > 0; open = open.filter(({ cut }) => cut === null)) {
    for (const search of open)
      search.bins = search.bracket || search.gathered || search.level === 4 ? null : binsFor(search.level)
    scan((keys, first, count) => {
      for (const search of open) {
        const streamKeys = keys[search.stream]
        if (!streamKeys) throw new RangeError('a stream is missing')
        if (search.bracket) {
          search.bracket.take(streamKeys, first, count)
          continue
        }
        const words = wordsOf(streamKeys, count)
        if (search.gathered) gather(search, words, first, count)
        else if (search.bins) tally(search, search.bins, words, count)
        else if (!search.cut) passEqual(search, words, first, count)
      }
    })
    for (const search of open) {
      if (search.bracket) {
        search.cut = search.bracket.end()
        search.bracket = null
      } else if (search.gathered) {
        search.cut = search.gathered.cutAt(search.rank)
        search.gathered.release()
      } else if (search.bins) descend(search, search.bins)
    }
  }
  return searches.map(some => some.map(({ cut }) => cut ?? { value: 0, last: -1 }))
}

function newSearch(stream: number, rank: number, sample: Sample | undefined): CutSearch {
  const bracket = sample ? new RankBracket(rank, sample) : null
  return { stream, rank, level: 0, high: 0, low: 0, bins: null, gathered: null, bracket, cut: null }
}

function binsFor(level: number): Uint32Array {
  return new Uint32Array(1 << (level === 0 ? leadingBits : level === 1 ? secondBits : lowBits))
}

/** Returns keys as pairs of words, the lower one first (the machine is little-endian). Makes all NaN one NaN. */
function wordsOf(keys: Float64Array, count: number): Uint32Array {
  const words = new Uint32Array(keys.buffer, keys.byteOffset, count * 2)
  for (let i = 0; i < count; i += 1) {
    const key = keys[i] ?? 0
    if (!Number.isNaN(key)) continue
    words[2 * i] = 0
    words[2 * i + 1] = 0x7ff80000
  }
  return words
}

function tally({ level, high, low }: CutSearch, bins: Uint32Array, words: Uint32Array, count: number): void {
  if (level === 0) {
    for (let at = 1; at < 2 * count; at += 2) {
      const bin = (words[at] ?? 0) >>> secondBits
      bins[bin] = (bins[bin] ?? 0) + 1
    }
    return
  }
  for (let at = 0; at < 2 * count; at += 2) {
    const lower = words[at] ?? 0
    const upper = words[at + 1] ?? 0
    if (!isInBin(level, high, low, upper, lower)) continue
    const bin = level === 1 ? upper & ((1 << secondBits) - 1) : level === 2 ? lower >>> lowBits : lower & 0xffff
    bins[bin] = (bins[bin] ?? 0) + 1
  }
}

function isInBin(level: number, high: number, low: number, upper: number, lower: number): boolean {
  if (level === 1) return upper >>> secondBits === high
  if (level === 2) return upper === high
  if (level === 3) return upper === high && lower >>> lowBits === low
  return upper === high && lower === low
}

/** Finds the bin of the sought element, from the largest bin down. */
function descend(search: CutSearch, bins: Uint32Array): void {
  let bin = bins.length - 1
  for (let here = bins[bin] ?? 0; search.rank >= here; here = bins[bin] ?? 0) {
    search.rank -= here
    bin -= 1
    if (bin < 0) throw new RangeError('a rank beyond the elements')
  }
  if (search.level === 0) search.high = bin
  else if (search.level === 1) search.high = ((search.high << secondBits) | bin) >>> 0
  else if (search.level === 2) search.low = bin
  else search.low = ((search.low << lowBits) | bin) >>> 0
  search.level += 1
  if ((bins[bin] ?? 0) <= gatheredAtMost) search.gathered = new GatheredKeys(gatheredAtMost)
}

function gather({ level, high, low, gathered }: CutSearch, words: Uint32Array, first: number, count: number): void {
  for (let i = 0; i < count; i += 1) {
    const lower = words[2 * i] ?? 0
    const upper = words[2 * i + 1] ?? 0
    if (!isInBin(level, high, low, upper, lower)) continue
    gathered?.add(keyOf(upper, lower), first + i)
  }
}

/** Finds the element with the sought rank among equal elements. */
function passEqual(search: CutSearch, words: Uint32Array, first: number, count: number): void {
  const { high, low } = search
  for (let i = 0; i < count; i += 1) {
    if (words[2 * i + 1] !== high || words[2 * i] !== low) continue
    if (search.rank === 0) {
      search.cut = { value: keyOf(high, low), last: first + i }
      return
    }
    search.rank -= 1
  }
}

const scratch = new DataView(new ArrayBuffer(8))

function keyOf(upper: number, lower: number): number {
  scratch.setUint32(0, upper)
  scratch.setUint32(4, lower)
  return scratch.getFloat64(0)
}
