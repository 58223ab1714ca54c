import { kernelModule } from './kernel-module.ts'
import { decodeTable, smallFloats } from './small-float.ts'
import { type SumBuffers, type SumEngine, typedArraySum } from './sum-engine.ts'

type Sum = (
  addresses: number,
  weights: number,
  models: number,
  bytes: number,
  factor: number,
  scaling: number,
  keepIdentical: boolean,
  output: number,
  ...type: (number | boolean)[]
) => number

type Kernel = {
  memory: WebAssembly.Memory
  anyDifferent(): number
  sumFloat32: Sum
  sumFloat64: Sum
  sumFloat16: Sum
  sumBfloat16: Sum
  sumFloat8: Sum
}

const pageBytes = 64 * 1024
/** The kernel computes whole vectors of 32 bytes; inputs are padded with zeros. */
const vectorBytes = 32
/**
 * Memory in front of the inputs: the kernel's own data, the value table of a float8 type, then weights and addresses of
 * the inputs.
 */
const tableAt = 2048
const weightsAt = 4096

/** Weights of float16 are multiplied by this; the kernel reads the elements divided by it, which is faster. */
const halfShift = 2 ** 112

const [leftAlone, divided, multiplied] = [0, 1, 2]

/**
 * Returns the factor, and how the kernel applies it. Multiplying by the reciprocal of a power of two gives the same
 * bits as dividing, and is faster.
 */
function scalingBy(divisor: number | null): [factor: number, scaling: number] {
  if (divisor === null) return [1, leftAlone]
  const exponent = Math.round(Math.log2(Math.abs(divisor)))
  const isPower = Math.abs(exponent) < 1000 && Math.abs(divisor) === 2 ** exponent
  return isPower ? [1 / divisor, multiplied] : [divisor, divided]
}

/** Returns the engine that sums in SIMD WebAssembly (kernel/weighted-sum.ts); undefined on a machine without SIMD. */
export function simdEngine(): SumEngine | undefined {
  const module = kernelModule()
  if (!module) return undefined
  const kernel = kernelOf(new WebAssembly.Instance(module).exports)
  let addresses: number[] = []
  let buffers: SumBuffers = { inputs: [], output: new Uint8Array(0) }
  const reference = typedArraySum()
  let capacity = 0
  let output = 0
  let table = ''
  const bytesAt = (address: number, bytes: number) => new Uint8Array(kernel.memory.buffer, address, bytes)

  const place = (inputs: number) => {
    const addressesAt = weightsAt + inputs * Float64Array.BYTES_PER_ELEMENT
    const first = Math.ceil((addressesAt + inputs * Uint32Array.BYTES_PER_ELEMENT) / pageBytes) * pageBytes
    return { addressesAt, first }
  }

  return {
    reserve(inputs, bytes) {
      capacity = Math.ceil(bytes / vectorBytes) * vectorBytes
      const { addressesAt, first } = place(inputs)
      addresses = Array.from({ length: inputs }, (_, index) => first + index * capacity)
      output = first + inputs * capacity
      const missing = output + capacity - kernel.memory.buffer.byteLength
      if (missing > 0) kernel.memory.grow(Math.ceil(missing / pageBytes))
      new Uint32Array(kernel.memory.buffer, addressesAt, inputs).set(addresses)
      buffers = { inputs: addresses.map(address => bytesAt(address, bytes)), output: bytesAt(output, bytes) }
      return buffers
    },
    sum(dtype, sum, count) {
      const weights = dtype === 'float16' ? sum.weights.map(weight => weight * halfShift) : sum.weights
      if (!weights.every(Number.isFinite)) return reference(buffers, dtype, sum, count)
      const { addressesAt } = place(addresses.length)
      const small = small8(dtype)
      const bytes = count * (widths.get(dtype) ?? 1)
      const padded = Math.ceil(bytes / vectorBytes) * vectorBytes
      if (padded > capacity || weights.length > addresses.length) throw new RangeError('more than was reserved')
      new Float64Array(kernel.memory.buffer, weightsAt, weights.length).set(weights)
      for (const address of addresses.slice(0, weights.length)) bytesAt(address, capacity).fill(0, bytes, padded)
      const fixed = [weights.length, padded, ...scalingBy(sum.divisor), sum.keepIdentical, output] as const
      let nonFinite: number
      if (small) {
        if (table !== dtype) new Float64Array(kernel.memory.buffer, tableAt, 256).set(decodeTable(small))
        table = dtype
        const { mantissaBits, bias, maxFinite, overflow, nan, unsignedZero } = small
        const type = [tableAt, mantissaBits, bias, maxFinite, overflow, nan, unsignedZero]
        nonFinite = kernel.sumFloat8(addressesAt, weightsAt, ...fixed, ...type)
      } else nonFinite = wideSum(kernel, dtype)(addressesAt, weightsAt, ...fixed)
      return { computed: kernel.anyDifferent() !== 0, nonFinite }
    },
  }
}

const widths: ReadonlyMap<string, number> = new Map([
  ['float64', 8],
  ['float32', 4],
  ['float16', 2],
  ['bfloat16', 2],
])

function wideSum(kernel: Kernel, dtype: string): Sum {
  switch (dtype) {
    case 'float64':
      return kernel.sumFloat64
    case 'float32':
      return kernel.sumFloat32
    case 'float16':
      return kernel.sumFloat16
    case 'bfloat16':
      return kernel.sumBfloat16
    default:
      throw new RangeError(`${dtype} is not a type that is averaged`)
  }
}

function small8(dtype: string) {
  if (!Object.hasOwn(smallFloats, dtype)) return undefined
  const small = Object.entries(smallFloats).find(([name]) => name === dtype)?.[1]
  return small?.signBit === 0x80 ? small : undefined
}

/** Checks the exports of the kernel. @throws TypeError if one is missing */
function kernelOf(exports: Record<string, unknown>): Kernel {
  if (!isKernel(exports)) throw new TypeError('the kernel has other exports than it should')
  return exports
}

function isKernel(exports: Record<string, unknown>): exports is Kernel & Record<string, unknown> {
  const functions = ['anyDifferent', 'sumFloat32', 'sumFloat64', 'sumFloat16', 'sumBfloat16', 'sumFloat8']
  return exports.memory instanceof WebAssembly.Memory && functions.every(name => typeof exports[name] === 'function')
}
