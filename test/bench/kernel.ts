import { floatFormat } from '../../src/tensor/float-format.ts'
import { simdEngine } from '../../src/tensor/simd-engine.ts'
import { type SumEngine, typedArrayEngine } from '../../src/tensor/sum-engine.ts'
import { seededRandom } from '../support/random.ts'
import type { Absent, Comparison, Contestant } from './harness.ts'

const models = 4
/** Of each input: all of them and the result stay in a cache of the second level or so. */
const chunkBytes = 256 << 10
/** What a run computes of the inputs together. */
const runBytes = 1 << 30
const dtypes = ['float32', 'float64', 'float16', 'bfloat16', 'float8e4m3fn']

/** The SIMD kernel beside the typed arrays, for each type. */
export function kernelComparisons(): Comparison[] {
  const simd = simdEngine()
  return dtypes.map(dtype => ({
    row: `merge/kernel-${dtype}`,
    what: `weighted mean of ${models} chunks of ${chunkBytes >> 10} KiB in memory, again and again, one thread`,
    ours: contestant('the SIMD kernel', dtype, simd ?? typedArrayEngine(), runBytes),
    baseline: (): Contestant | Absent =>
      simd
        ? contestant('the typed arrays', dtype, typedArrayEngine(), runBytes / 16)
        : { name: 'the typed arrays', skipped: 'this machine has no SIMD' },
  }))
}

/** Times are those of `runBytes`, whether so many were computed or fewer. */
function contestant(name: string, dtype: string, engine: SumEngine, bytes: number): Contestant {
  const count = chunkBytes / floatFormat(dtype).bytes
  const sum = { weights: [1, 2, 3, 4], divisor: 10, keepIdentical: true }
  const times = bytes / (models * chunkBytes)
  return {
    name: `${name}, ${dtype}`,
    description: 'weights 1, 2, 3, 4 over normally distributed numbers',
    async run() {
      const { inputs } = engine.reserve(models, chunkBytes)
      const random = seededRandom(1)
      for (const input of inputs) fill(dtype, input, () => normal(random))
      for (let time = 0; time < times / 8; time += 1) engine.sum(dtype, sum, count)
      const started = performance.now()
      for (let time = 0; time < times; time += 1) engine.sum(dtype, sum, count)
      const seconds = ((performance.now() - started) / 1000) * (runBytes / bytes)
      return { seconds, details: { 'GB/s of input': runBytes / seconds / 1e9 } }
    },
  }
}

/** Weights as networks have them, by Box and Muller. */
function normal(random: { next(): number }): number {
  return 0.02 * Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next())
}

function fill(dtype: string, target: Uint8Array, value: () => number): void {
  const format = floatFormat(dtype)
  const values = Float64Array.from({ length: target.byteLength / format.bytes }, value)
  const rounded = new Uint8Array(target.byteLength)
  format.round(values, values.length, rounded)
  target.set(rounded)
}
