import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { maskKey } from '../../src/merge/methods/random-key.ts'
import type { ChangeSum } from '../../src/tensor/blocks/block-changes.ts'
import type { BlockEngine } from '../../src/tensor/blocks/block-operations.ts'
import { plainBlockEngine } from '../../src/tensor/blocks/plain-block-engine.ts'
import { simdBlockEngine } from '../../src/tensor/blocks/simd-block-engine.ts'
import type { Cut } from '../../src/tensor/cut.ts'
import { floatFormat } from '../../src/tensor/float-format.ts'
import { uniformsAt } from '../../src/tensor/random-masks.ts'

const simd = machineEngine()
const plain = plainBlockEngine()

function machineEngine(): BlockEngine {
  const engine = simdBlockEngine()
  if (!engine) throw new Error('this machine has no SIMD')
  return engine
}

/** Numbers among which all special ones are. */
function entries(seed: number, count: number): Float64Array {
  const special = [0, -0, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 5e-324]
  let state = seed
  return Float64Array.from({ length: count }, (_, i) => {
    state = (state * 48271) % 2147483647
    return i % 7 === seed % 7 ? (special[state % special.length] ?? 0) : state / 2147483647 - 0.5
  })
}

const counts = [1, 2, 63, 4096]

/** Runs something in both engines, over the same elements of three sources and a base, and expects the same bits. */
function expectSame(count: number, run: (engine: BlockEngine, sources: Float64Array[], base: Float64Array) => unknown) {
  const [ours, reference] = [simd, plain].map(engine => {
    const [base, ...sources] = [4, 1, 2, 3].map((seed, index) => {
      const block = engine.source(index)
      block.set(entries(seed, count))
      return block
    })
    if (!base) throw new Error('there is no base')
    return run(engine, sources, base)
  })
  expect(ours).toEqual(reference)
}

const start = (block: Float64Array | undefined, count: number) => [...(block?.subarray(0, count) ?? [])]
const masked = (mask: Int32Array, count: number) => [...mask.subarray(0, 2 * count)]

test.each(counts)('differences and distances of %i elements are the same in SIMD as in plain loops', count => {
  expectSame(count, (engine, [x, y], base) => {
    if (!x || !y) throw new Error('a source is missing')
    engine.subtract(x, base, count)
    engine.distance(y, base, count)
    return [x, y].map(block => start(block, count))
  })
})

const cuts: [Cut | null, Cut][] = [
  [null, { value: 0.2, last: 0 }],
  [null, { value: 0, last: 1005 }],
  [
    { value: Number.POSITIVE_INFINITY, last: 1010 },
    { value: 0, last: 1031 },
  ],
  [
    { value: Number.NaN, last: 1020 },
    { value: Number.NaN, last: 1900 },
  ],
  [
    { value: Number.NaN, last: 1003 },
    { value: 0.1, last: 0 },
  ],
]

test.each(counts)('what is selected of %i elements, and dropped, is the same in SIMD as in plain loops', count => {
  expectSame(count, (engine, [x, y, z], base) => {
    if (!x || !y || !z) throw new Error('a source is missing')
    engine.used.fill(0)
    const between = cuts.map(([behind, upTo]) => {
      const kept = engine.selectBetween(x, 1000, count, behind, upTo)
      engine.drop(y, -0, count)
      return { kept, selected: masked(engine.selected, count), y: start(y, count), used: masked(engine.used, count) }
    })
    const keptBetween = cuts.map(([behind, upTo]) => {
      z.set(x)
      engine.used.fill(0)
      const kept = engine.keepBetween(z, base, 1000, count, behind, upTo, -0)
      return { kept, z: start(z, count), used: masked(engine.used, count) }
    })
    const keptBelow = ([{ factor: -1.7 }, { divisors: 0.3 }, { divisors: entries(5, count) }] as const).flatMap(scale =>
      [0.1, entries(7, count)].map(probabilities => {
        z.set(x)
        engine.used.fill(0)
        const kept = engine.keepBelow(z, base, scale, entries(8, count), probabilities, count, -0)
        return { kept, z: start(z, count), used: masked(engine.used, count) }
      }),
    )
    const each = engine.selectBelow(x, base, count)
    const selected = masked(engine.selected, count)
    const all = engine.selectBelow(x, 0.1, count)
    return [between, keptBetween, keptBelow, each, selected, all, masked(engine.selected, count)]
  })
})

const sums: ChangeSum[] = [
  { weights: [1, -0.5, 2], votes: null, lambda: 0.7, divisor: null, zero: 0 },
  { weights: [1, 0.5, -2], votes: null, lambda: 1, divisor: 3, zero: 0 },
  { weights: [1, -0.5, 2], votes: [1, -0.5, 2], lambda: 0.7, divisor: null, zero: 0 },
  { weights: [1, 0.3, -1], votes: [1, 1, 1], lambda: -1.5, divisor: 'agreeing', zero: 1e-8 },
  { weights: [0, 0.3, 0], votes: [0, 1, 2], lambda: 1, divisor: 'agreeing', zero: 0 },
  { weights: [1, 0.3, 2], votes: [1, 0.3, 2], lambda: 0.7, divisor: 'agreeing', zero: 1e-8 },
  { weights: [0.5, 0, 2], votes: [0.5, 0, 2], lambda: 1, divisor: null, zero: 1e-8 },
  { weights: [0.5, 0, 2], votes: [0.5, 0, 2], lambda: -1, divisor: 3, zero: 1e-8 },
]

test.each(counts)(
  'changes of a base and elections over %i elements come out the same in SIMD as in plain loops',
  count => {
    for (const sum of sums) {
      expectSame(count, (engine, sources, base) => {
        engine.used.fill(0)
        engine.selectBelow(base, 0, count)
        engine.drop(sources[0] ?? base, 0, count)
        const { conflicts, copiesNaN } = engine.change(sources, base, sum, count)
        return { conflicts, copiesNaN, used: masked(engine.used, count), output: start(engine.output, count) }
      })
    }
  },
)

test.each(counts)(
  'variances, dot products and gathered places of %i elements are the same in SIMD as in plain loops',
  count => {
    expectSame(count, (engine, sources, base) => {
      engine.vary(sources, count)
      const dots = new Float64Array(8)
      const finite = [11, 12, 13].map(seed => entries(seed, count).map(x => (Number.isFinite(x) ? x : 0.5)))
      const [a, b, c] = finite
      if (!a || !b || !c) throw new Error('a vector is missing')
      engine.dotProducts([a, b], [a, b, c, a], count, dots)
      engine.distance(base, sources[0] ?? base, count)
      const gathered = [
        [0.1, 0.4],
        [0, Number.POSITIVE_INFINITY],
      ].map(([low = 0, high = 0]) => {
        const found = engine.gatherBetween(base, count, low, high)
        const keys = start(engine.gathered, found.gathered)
        return { ...found, keys, places: [...engine.places.subarray(0, found.gathered)] }
      })
      return { variances: start(engine.variances, count), dots, gathered }
    })
  },
)

test.each(['float32', 'float64', 'float16', 'bfloat16', 'float8e5m2'])(
  '%s is read, rounded and copied where sources agree the same in SIMD as in plain loops',
  dtype => {
    const format = floatFormat(dtype)
    const random = Uint8Array.from({ length: 4096 * format.bytes }, (_, at) => Math.imul(at + 1, 0x9e3779b1) >>> 24)
    // The second has every third element of the first.
    const other = random.map((byte, at) => (Math.floor(at / format.bytes) % 3 === 0 ? byte : byte ^ 1))
    for (const count of [1, 2, 63, 4095]) {
      expectSame(4096, (engine, [, y]) => {
        if (!y) throw new Error('a source is missing')
        const decoded = [random, other].map((elements, index) =>
          start(engine.decode(format, elements, index, count), count),
        )
        const finished = [0, 1, 2].map(compared => {
          engine.output.set(entries(6, 4096))
          const target = new Uint8Array(count * format.bytes)
          const counts = engine.finish(format, compared, count, target)
          return { counts, target: [...target] }
        })
        expect(finished.map(({ counts }) => counts.identical)).toEqual([0, count, Math.ceil(count / 3)])
        return [decoded, finished]
      })
    }
  },
)

test.each(counts)('means weighed by factors, and means that a base is drawn to, of %i elements are the same', count => {
  expectSame(count, (engine, [x, y, z], base) => {
    if (!x || !y || !z) throw new Error('a source is missing')
    engine.weigh([x, y], [z, base], [0.3, 2], 1e-6, count)
    const weighed = start(engine.output, count)
    return [0.25, 1].map(t => {
      engine.approachMean([x, y, z], base, t, count)
      return [weighed, start(engine.output, count)]
    })
  })
})

/** Differences of which some are equal, or special, or that float32 does not tell apart. */
const kinds: [string, (x: number, j: number) => number][] = [
  ['of all kinds', x => Math.round(x * 8) / 8],
  ['that are equal', () => 1],
  ['that ascend in their last bits', (_, j) => 1 + j * 2 ** -45],
  ['that differ in their last bits', (x, j) => (j % 2 === 0 ? 1 + Math.round(x * 5) * 2 ** -50 : x)],
]

test.each(kinds.flatMap(([kind, value]) => [2, 3, 5, 16, 17, 300, 4000].map(length => ({ kind, value, length }))))(
  'places in rows of $length differences $kind are the same in SIMD as in plain loops',
  ({ value, length }) => {
    const rows = Math.floor(4000 / length)
    expectSame(4096, (engine, [x], base) => {
      if (!x) throw new Error('a source is missing')
      for (let j = 0; j < 4096; j += 1) x[j] = value(x[j] ?? 0, j)
      base.fill(0.25)
      const probabilities = new Float64Array(4096)
      engine.rankRows(x, base, 7, rows, length, { largest: 0.7, span: 0.4 }, probabilities)
      return [...probabilities]
    })
  },
)

test.each([0, 1, 2 ** 32 - 1, 2 ** 40 + 3])(
  'random numbers from block %i on are the same in SIMD as in plain loops',
  first => {
    for (const engine of [simd, plain]) engine.fillUniforms([0xdeadbeef, 7], first, 40)
    expect([...simd.uniforms.subarray(0, 80)]).toEqual([...plain.uniforms.subarray(0, 80)])
  },
)

/** Computed by Python (test/fixtures/methods/README.md). */
const places: { seed: number; index: number; name: string; element: number; u: number }[] = JSON.parse(
  readFileSync(new URL('../fixtures/methods/uniforms.json', import.meta.url), 'utf8'),
)

test('random numbers at single places are those of the oracle, far ones too', () => {
  for (const { seed, index, name, element, u } of places) {
    const before = Math.min(element, 2)
    const uniforms = uniformsAt(maskKey(seed, index, name), element - before, before + 1)
    expect(uniforms[before]).toBe(u)
  }
})

test.each([
  ['SIMD', simd],
  ['plain loops', plain],
])('the variance of equal changes is 0 in %s, though their mean is rounded', (_, engine) => {
  const terms = [0, 1, 2].map(index => {
    const block = engine.source(index)
    // 0.1 three times over has the mean 0.10000000000000002; of infinities there is no difference.
    block.set([0.1, 0.1, Number.POSITIVE_INFINITY, Number.NaN, 0.1 * (index + 1)])
    return block
  })
  engine.vary(terms, 5)
  const [equal, alike, infinite, missing, varying] = engine.variances
  expect([equal, alike, infinite, missing]).toEqual([0, 0, Number.NaN, Number.NaN])
  expect(varying).toBeCloseTo(0.02 / 3, 15)
})
