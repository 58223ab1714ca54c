import { type BlockEngine, blockRoom, type Numbers } from './block-engine.ts'
import { kernelOf } from './block-kernel.ts'
import { floatFormat } from './float-format.ts'
import { kernelBinary } from './kernel-binary.ts'
import { longRowRanker } from './long-row-ranker.ts'
import { plainBlockEngine } from './plain-block-engine.ts'
import { copyIdentical } from './weighted-sum.ts'

const [float32, float16, bfloat16] = ['float32', 'float16', 'bfloat16'].map(floatFormat)

const pageBytes = 64 * 1024
const addressesAt = 4096
const factorsAt = 10 * 1024
const weightsAt = 16 * 1024
const votesAt = 40 * 1024
/**
 * The first page is in front of the arrays: the compiler's memory, and the tables above, with one entry for each model.
 */
const firstAt = pageBytes
const strideBytes = blockRoom * Float64Array.BYTES_PER_ELEMENT
/** More than the largest number of models in a merge, plus a base. */
const mostSources = 1200

/** The longest row of which the kernel ranks many at a time. */
const longestShortRow = 16

let known: BlockEngine | undefined

/** Returns the engine of this thread: the one in SIMD WebAssembly if the machine has it. */
export function blockEngine(): BlockEngine {
  known ??= simdBlockEngine() ?? plainBlockEngine()
  return known
}

/**
 * Returns an engine in SIMD WebAssembly (kernel/blocks.ts, choices.ts, changes.ts, uniforms.ts, ranks.ts); undefined on
 * a machine without SIMD.
 */
export function simdBlockEngine(): BlockEngine | undefined {
  const binary = Uint8Array.from(Buffer.from(kernelBinary, 'base64'))
  if (!WebAssembly.validate(binary)) return undefined
  const module = new WebAssembly.Module(binary)
  const kernel = kernelOf(new WebAssembly.Instance(module).exports)
  const ranker = longRowRanker(() => kernelOf(new WebAssembly.Instance(module).exports))
  const { memory } = kernel
  const at = (index: number) => firstAt + index * strideBytes
  const spares = 6
  const [rawAt, constantsAt, firstSpare] = [at(6), at(7), 9]
  const firstSource = firstSpare + spares
  /** Address of the stored elements, after all sources: one array for each source. */
  const storedAt = at(firstSource + mostSources)
  const storedStride = blockRoom * Float32Array.BYTES_PER_ELEMENT
  // Grown at once, since growing detaches all arrays. Memory that is never touched costs nothing.
  const end = storedAt + mostSources * storedStride
  memory.grow(Math.ceil(Math.max(0, end - memory.buffer.byteLength) / pageBytes))
  const floats = (index: number) => new Float64Array(memory.buffer, at(index), blockRoom)
  const flags = (index: number) => new Int32Array(memory.buffer, at(index), 2 * blockRoom)
  const [output, uniforms, variances] = [floats(0), floats(1), floats(2)]
  const [selected, used] = [flags(3), flags(4)]
  const [gathered, places] = [floats(8), flags(5)]
  const raw = new Uint8Array(memory.buffer, rawAt, strideBytes)
  const constants = new Float64Array(memory.buffer, constantsAt, 4)
  const copies = Array.from({ length: spares }, (_, index) => floats(firstSpare + index))
  const sources: Float64Array[] = []
  const addresses = new Uint32Array(memory.buffer, addressesAt, mostSources)
  const factorAddresses = new Uint32Array(memory.buffer, factorsAt, mostSources)
  const weightTable = new Float64Array(memory.buffer, weightsAt, mostSources)
  const voteTable = new Float64Array(memory.buffer, votesAt, mostSources)

  const vectors = (count: number) => Math.ceil(count / 2) * 16
  /** Returns the address of an array that the engine owns, or of a copy of another array. */
  const addressOf = (array: Float64Array, count: number, spare: number) => {
    if (array.buffer === memory.buffer) return array.byteOffset
    const copy = copies[spare] ?? output
    copy.set(array.subarray(0, count))
    return copy.byteOffset
  }
  const ownAddress = (array: Float64Array) => {
    if (array.buffer !== memory.buffer) throw new RangeError('the array is not of this engine')
    return array.byteOffset
  }
  /** `place`: index of the constant to use for a single number. */
  const numbersAt = (numbers: Numbers, count: number, place: 0 | 1 = 0): [address: number, each: number] => {
    if (typeof numbers !== 'number') return [addressOf(numbers, count, place), 1]
    constants.fill(numbers, 2 * place, 2 * place + 2)
    return [constantsAt + 16 * place, 0]
  }
  const address = (terms: readonly Float64Array[], table = addresses) => {
    if (terms.length > mostSources) throw new RangeError('more models than there is room for')
    for (const [model, term] of terms.entries()) table[model] = ownAddress(term)
  }
  const source = (index: number) => {
    const own = sources[index] ?? floats(firstSource + index)
    sources[index] = own
    return own
  }
  const stored: Uint8Array[] = []
  /** Elements of types without a kernel for finish; they stay in the caller's memory. */
  const elsewhere: Uint8Array[] = []
  const shared = new Uint32Array(blockRoom)

  return {
    source,
    output,
    selected,
    used,
    uniforms,
    variances,
    gathered,
    places,
    decode(format, elements, index, count) {
      const values = source(index)
      const isSixteenBits = format === float16 || format === bfloat16
      if (format !== float32 && !isSixteenBits) format.begin(values, elements, count, 1)
      else {
        const own = stored[index] ?? new Uint8Array(memory.buffer, storedAt + index * storedStride, storedStride)
        stored[index] = own
        own.set(elements.subarray(0, format.bytes * count))
        if (isSixteenBits)
          kernel.decodeSixteenBits(format === bfloat16 ? 1 : 0, own.byteOffset, vectors(count), values.byteOffset)
        else kernel.decodeFloat32(own.byteOffset, vectors(count), values.byteOffset)
      }
      if (format !== float32) elsewhere[index] = elements
      return values
    },
    finish(format, compared, count, target) {
      if (format === float32) {
        const nonFinite = kernel.finishFloat32(output.byteOffset, count, storedAt, storedStride, compared, rawAt)
        target.set(raw.subarray(0, 4 * count))
        return { identical: kernel.countedIdentical(), nonFinite }
      }
      format.round(output, count, target)
      const inputs = elsewhere.slice(0, compared)
      const identical = compared > 0 ? copyIdentical(format.bytes, inputs, count, target, shared) : 0
      return { identical, nonFinite: format.countNonFinite(target, count) }
    },
    subtract: (x, b, count) => void kernel.subtract(ownAddress(x), ownAddress(b), vectors(count)),
    distance: (x, b, count) => void kernel.distance(ownAddress(x), ownAddress(b), vectors(count)),
    selectBetween(keys, first, count, behind, upTo) {
      const from = [addressOf(keys, count, 0), first, count] as const
      const { value, last } = behind ?? { value: 0, last: 0 }
      const cuts = [behind ? 1 : 0, value, last, upTo.value, upTo.last] as const
      return kernel.selectBetween(...from, ...cuts, selected.byteOffset)
    },
    keepBetween(x, b, first, count, behind, upTo, dropped) {
      const [xAt, bAt] = [ownAddress(x), ownAddress(b)]
      let kept = 0
      // Elements equal to a cut's value are within the cut up to its last index. So the range is split there, and each
      // part is compared in one way.
      for (let from = 0; from < count; ) {
        const index = first + from
        const ends = [upTo.last, behind?.last ?? -1].filter(last => last >= index).map(last => last + 1 - first)
        const until = Math.min(count, ...ends)
        const skipped = from * Float64Array.BYTES_PER_ELEMENT
        const fromBehind = [behind?.value ?? Number.NaN, behind && index <= behind.last ? 1 : 0] as const
        const cuts = [...fromBehind, upTo.value, index <= upTo.last ? 1 : 0, dropped] as const
        kept += kernel.keepBetween(xAt + skipped, bAt + skipped, until - from, ...cuts, used.byteOffset + skipped)
        from = until
      }
      return kept
    },
    selectBelow: (numbers, probabilities, count) =>
      kernel.selectBelow(addressOf(numbers, count, 1), ...numbersAt(probabilities, count), count, selected.byteOffset),
    keepBelow(x, b, scale, numbers, probabilities, count, dropped) {
      const scales = 'factor' in scale ? scale.factor : scale.divisors
      const scaledBy = [...numbersAt(scales, count, 0), 'factor' in scale ? 0 : 1] as const
      const below = [addressOf(numbers, count, 2), ...numbersAt(probabilities, count, 1)] as const
      const end = [count, dropped, used.byteOffset] as const
      return kernel.keepBelow(ownAddress(x), ownAddress(b), ...scaledBy, ...below, ...end)
    },
    drop: (x, dropped, count) =>
      void kernel.drop(ownAddress(x), selected.byteOffset, dropped, used.byteOffset, vectors(count)),
    change(terms, base, { weights, votes, lambda, divisor, zero }, count) {
      address(terms)
      weightTable.set(weights)
      const how = divisor === null ? 0 : divisor === 'agreeing' ? 2 : 1
      const by = typeof divisor === 'number' ? divisor : 1
      const from = [terms.length, ownAddress(base), used.byteOffset, lambda, how, by] as const
      if (votes) {
        voteTable.set(votes)
        const conflicts = kernel.electChanges(addressesAt, weightsAt, votesAt, ...from, zero, count, output.byteOffset)
        return { conflicts, copiesNaN: kernel.copiedNaN() !== 0 }
      }
      kernel.addChanges(addressesAt, weightsAt, ...from, vectors(count), output.byteOffset)
      return { conflicts: 0, copiesNaN: kernel.copiedNaN() !== 0 }
    },
    vary(terms, count) {
      address(terms)
      kernel.variances(addressesAt, terms.length, vectors(count), variances.byteOffset)
    },
    gatherBetween(keys, count, low, high) {
      const into = [gathered.byteOffset, places.byteOffset] as const
      const found = kernel.gatherBetween(addressOf(keys, count, 0), count, low, high, ...into)
      return { gathered: found, above: kernel.countedAbove() }
    },
    weigh(terms, factors, weights, least, count) {
      address(terms)
      address(factors, factorAddresses)
      weightTable.set(weights)
      const by = [factorsAt, weightsAt, terms.length, least] as const
      kernel.weighedMean(addressesAt, ...by, vectors(count), output.byteOffset)
    },
    approachMean(terms, base, t, count) {
      address(terms)
      const end = [ownAddress(base), t, vectors(count), output.byteOffset] as const
      kernel.betweenBaseAndMean(addressesAt, terms.length, ...end)
    },
    dotProducts(a, b, count, sums) {
      const at = [...a, ...b].map((array, spare) => addressOf(array, count, spare))
      const even = count - (count % 2)
      kernel.dotProducts(...at, 8 * even, constantsAt + 32)
      sums.set(new Float64Array(memory.buffer, constantsAt + 32, 8))
      if (even === count) return
      for (const [i, x] of a.entries()) {
        for (const [j, y] of b.entries())
          sums[i * b.length + j] = (sums[i * b.length + j] ?? 0) + (x[even] ?? 0) * (y[even] ?? 0)
      }
    },
    rankRows(x, b, from, rows, length, probabilities, into) {
      if (length > longestShortRow) return ranker.rankRows(x, b, from, rows, length, probabilities, into)
      const { largest, span } = probabilities
      const count = from + rows * length
      const skipped = from * Float64Array.BYTES_PER_ELEMENT
      const [xAt, bAt] = [addressOf(x, count, 0) + skipped, addressOf(b, count, 1) + skipped]
      const ranked = copies[2] ?? output
      kernel.rankShortRows(xAt, bAt, rows, length, largest, span, ranked.byteOffset)
      into.set(ranked.subarray(0, rows * length), from)
    },
    fillUniforms([key0, key1], firstBlock, blocks) {
      kernel.fillUniforms(
        key0,
        key1,
        firstBlock >>> 0,
        Math.floor(firstBlock / 0x100000000),
        blocks,
        uniforms.byteOffset,
      )
    },
  }
}
