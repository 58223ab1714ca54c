import { type BlockEngine, blockRoom, type Numbers } from './block-engine.ts'
import { kernelBinary } from './kernel-binary.ts'
import { plainBlockEngine } from './plain-block-engine.ts'

const pageBytes = 64 * 1024
const addressesAt = 4096
const weightsAt = 16 * 1024
const votesAt = 40 * 1024
/** In front of the arrays: what the compiler may keep there, and the tables above, one entry for each model. */
const firstAt = pageBytes
const strideBytes = blockRoom * Float64Array.BYTES_PER_ELEMENT
/** More models than a merge may have, and a base. */
const mostSources = 1200

let known: BlockEngine | undefined

/** The engine of this thread: that in SIMD WebAssembly where the machine has it. */
export function blockEngine(): BlockEngine {
  known ??= simdBlockEngine() ?? plainBlockEngine()
  return known
}

/** An engine in SIMD WebAssembly (kernel/blocks.ts, kernel/uniforms.ts). Undefined where the machine has none. */
export function simdBlockEngine(): BlockEngine | undefined {
  const binary = Uint8Array.from(Buffer.from(kernelBinary, 'base64'))
  if (!WebAssembly.validate(binary)) return undefined
  const kernel = kernelOf(new WebAssembly.Instance(new WebAssembly.Module(binary)).exports)
  const { memory } = kernel
  const at = (index: number) => firstAt + index * strideBytes
  const spares = 6
  const [rawAt, constantsAt, firstSpare] = [at(6), at(7), 8]
  const firstSource = firstSpare + spares
  // All at once, since growing takes the memory of arrays away; what is never touched costs nothing.
  memory.grow(Math.ceil(Math.max(0, at(firstSource + mostSources) - memory.buffer.byteLength) / pageBytes))
  const floats = (index: number) => new Float64Array(memory.buffer, at(index), blockRoom)
  const flags = (index: number) => new Int32Array(memory.buffer, at(index), 2 * blockRoom)
  const [output, uniforms, variances] = [floats(0), floats(1), floats(2)]
  const [selected, used] = [flags(3), flags(4)]
  const places = flags(5)
  const raw = new Uint8Array(memory.buffer, rawAt, strideBytes)
  const constants = new Float64Array(memory.buffer, constantsAt, 2)
  const copies = Array.from({ length: spares }, (_, index) => floats(firstSpare + index))
  const sources: Float64Array[] = []
  const addresses = new Uint32Array(memory.buffer, addressesAt, mostSources)
  const weightTable = new Float64Array(memory.buffer, weightsAt, mostSources)
  const voteTable = new Float64Array(memory.buffer, votesAt, mostSources)

  const vectors = (count: number) => Math.ceil(count / 2) * 16
  /** Where an array lies that the engine owns, or a copy of one that it does not. */
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
  const numbersAt = (numbers: Numbers, count: number): [address: number, each: number] => {
    if (typeof numbers !== 'number') return [addressOf(numbers, count, 0), 1]
    constants.fill(numbers)
    return [constantsAt, 0]
  }
  const address = (terms: readonly Float64Array[]) => {
    if (terms.length > mostSources) throw new RangeError('more models than there is room for')
    for (const [model, term] of terms.entries()) addresses[model] = ownAddress(term)
  }

  return {
    source(index) {
      const own = sources[index] ?? floats(firstSource + index)
      sources[index] = own
      return own
    },
    output,
    selected,
    used,
    uniforms,
    variances,
    places,
    decode(format, elements, count, into) {
      // Of all types that are averaged only float32 has four bytes.
      if (format.bytes !== 4) return format.begin(into, elements, count, 1)
      raw.set(elements.subarray(0, 4 * count))
      kernel.decodeFloat32(rawAt, vectors(count), ownAddress(into))
    },
    round(format, values, count, target) {
      if (format.bytes !== 4) return format.round(values, count, target)
      kernel.roundFloat32(ownAddress(values), vectors(count), rawAt)
      target.set(raw.subarray(0, 4 * count))
    },
    subtract: (x, b, count) => void kernel.subtract(ownAddress(x), ownAddress(b), vectors(count)),
    distance: (x, b, count) => void kernel.distance(ownAddress(x), ownAddress(b), vectors(count)),
    multiply: (x, factor, count) => void kernel.multiply(ownAddress(x), factor, vectors(count)),
    divide: (x, divisors, count) => void kernel.divide(ownAddress(x), ...numbersAt(divisors, count), vectors(count)),
    selectBetween(keys, first, count, behind, upTo) {
      const from = [addressOf(keys, count, 0), first, count] as const
      const { value, last } = behind ?? { value: 0, last: 0 }
      const cuts = [behind ? 1 : 0, value, last, upTo.value, upTo.last] as const
      return kernel.selectBetween(...from, ...cuts, selected.byteOffset)
    },
    selectBelow: (numbers, probabilities, count) =>
      kernel.selectBelow(addressOf(numbers, count, 1), ...numbersAt(probabilities, count), count, selected.byteOffset),
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
      const gathered = kernel.gatherBetween(addressOf(keys, count, 0), count, low, high, places.byteOffset)
      return { gathered, above: kernel.countedAbove() }
    },
    dotProducts(a, b, count, sums) {
      const at = [...a, ...b].map((array, spare) => addressOf(array, count, spare))
      const even = count - (count % 2)
      kernel.dotProducts(...at, 8 * even, constantsAt + 16)
      sums.set(new Float64Array(memory.buffer, constantsAt + 16, 8))
      if (even === count) return
      for (const [i, x] of a.entries()) {
        for (const [j, y] of b.entries())
          sums[i * b.length + j] = (sums[i * b.length + j] ?? 0) + (x[even] ?? 0) * (y[even] ?? 0)
      }
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

const names = [
  'decodeFloat32',
  'roundFloat32',
  'subtract',
  'distance',
  'multiply',
  'divide',
  'selectBetween',
  'selectBelow',
  'drop',
  'addChanges',
  'electChanges',
  'copiedNaN',
  'variances',
  'gatherBetween',
  'countedAbove',
  'dotProducts',
  'fillUniforms',
] as const

type Kernel = Record<(typeof names)[number], (...parameters: number[]) => number> & { memory: WebAssembly.Memory }

/** @throws TypeError if the exports are not the kernel's */
function kernelOf(exports: Record<string, unknown>): Kernel {
  if (!isKernel(exports)) throw new TypeError('the kernel has other exports than it should')
  return exports
}

function isKernel(exports: Record<string, unknown>): exports is Kernel {
  return exports.memory instanceof WebAssembly.Memory && names.every(name => typeof exports[name] === 'function')
}
