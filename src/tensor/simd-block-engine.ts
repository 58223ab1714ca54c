import { type BlockEngine, blockRoom, plainBlockEngine } from './block-engine.ts'
import { kernelBinary } from './kernel-binary.ts'

const pageBytes = 64 * 1024
/** In front of the arrays: what the compiler may keep there. */
const firstAt = pageBytes
const strideBytes = blockRoom * Float64Array.BYTES_PER_ELEMENT

let known: BlockEngine | undefined

/** The engine of this thread: that in SIMD WebAssembly where the machine has it. */
export function blockEngine(): BlockEngine {
  known ??= simdBlockEngine() ?? plainBlockEngine()
  return known
}

/** An engine in SIMD WebAssembly (kernel/weighted-sum.ts). Undefined where the machine has none. */
export function simdBlockEngine(): BlockEngine | undefined {
  const binary = Uint8Array.from(Buffer.from(kernelBinary, 'base64'))
  if (!WebAssembly.validate(binary)) return undefined
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(binary))
  const { memory, addAgreeing, fillUniforms } = exports
  if (!(memory instanceof WebAssembly.Memory) || !isFunction(addAgreeing) || !isFunction(fillUniforms))
    throw new TypeError('the kernel has other exports than it should')
  const at = (index: number) => firstAt + index * strideBytes
  memory.grow(Math.ceil(Math.max(0, at(9) - memory.buffer.byteLength) / pageBytes))
  const floats = (index: number) => new Float64Array(memory.buffer, at(index), blockRoom)
  const flags = (index: number) => new Int32Array(memory.buffer, at(index), 2 * blockRoom)
  return {
    entries: floats(0),
    negative: flags(1),
    sum: floats(2),
    divisors: floats(3),
    magnitudes: floats(4),
    up: flags(5),
    down: flags(6),
    agreed: flags(7),
    uniforms: floats(8),
    addAgreeing(factor, weight, count) {
      const bytes = Math.ceil(count / 2) * 16
      addAgreeing(at(0), factor, weight, bytes, at(1), at(2), at(3), at(4), at(5), at(6), at(7))
    },
    fillUniforms([key0, key1], firstBlock, blocks) {
      fillUniforms(key0, key1, firstBlock >>> 0, Math.floor(firstBlock / 0x100000000), blocks, at(8))
    },
  }
}

function isFunction(value: unknown): value is (...parameters: number[]) => unknown {
  return typeof value === 'function'
}
