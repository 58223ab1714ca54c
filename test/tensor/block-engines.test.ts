import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { maskKey } from '../../src/merge/methods/random-key.ts'
import { type BlockEngine, beginElection, plainBlockEngine } from '../../src/tensor/block-engine.ts'
import { fillUniforms } from '../../src/tensor/random-masks.ts'
import { simdBlockEngine } from '../../src/tensor/simd-block-engine.ts'

const simd = simdBlockEngine()
if (!simd) throw new Error('this machine has no SIMD')
const plain = plainBlockEngine()

/** Numbers among which all special ones are. */
function entries(seed: number, count: number): Float64Array {
  const special = [0, -0, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 5e-324]
  let state = seed
  return Float64Array.from({ length: count }, (_, i) => {
    state = (state * 48271) % 2147483647
    return i % 7 === seed % 7 ? (special[state % special.length] ?? 0) : state / 2147483647 - 0.5
  })
}

function election(engine: BlockEngine, count: number) {
  beginElection(engine, entries(1, count), count)
  for (const [seed, weight] of [
    [2, 1],
    [3, -0.5],
    [4, 0],
    [5, 2],
  ] as const) {
    engine.entries.set(entries(seed, count))
    engine.addAgreeing(weight, seed, count)
  }
  const bits = [engine.sum, engine.divisors, engine.magnitudes].map(array => [...array.subarray(0, count)])
  const flags = [engine.up, engine.down, engine.agreed].map(array =>
    Array.from({ length: count }, (_, j) => array[2 * j] !== 0),
  )
  return { bits, flags }
}

test.each([1, 2, 63, 4096])('an election over %i elements comes out the same in SIMD as in plain loops', count => {
  expect(election(simd, count)).toEqual(election(plain, count))
})

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
  const uniforms = new Float64Array(3)
  for (const { seed, index, name, element, u } of places) {
    const before = Math.min(element, 2)
    fillUniforms(maskKey(seed, index, name), element - before, before + 1, uniforms)
    expect(uniforms[before]).toBe(u)
  }
})
