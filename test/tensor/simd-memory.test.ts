import { expect, test } from 'vitest'
import { blockRoom } from '../../src/tensor/blocks/block-arrays.ts'
import type { BlockEngine } from '../../src/tensor/blocks/block-operations.ts'
import { simdBlockEngine } from '../../src/tensor/blocks/simd-block-engine.ts'
import { mostSources, simdLayout } from '../../src/tensor/blocks/simd-layout.ts'

const engine = machineEngine()

function machineEngine(): BlockEngine {
  const simd = simdBlockEngine()
  if (!simd) throw new Error('this machine has no SIMD')
  return simd
}

test('no array of the SIMD engine reaches into another one', () => {
  const { output, uniforms, variances, gathered, selected, used, places } = engine
  const sources = [0, 1, mostSources - 1].map(index => engine.source(index))
  const arrays = [output, uniforms, variances, gathered, selected, used, places, ...sources]
  for (const [index, array] of arrays.entries()) array.fill(index + 1)
  for (const [index, array] of arrays.entries()) expect(array.every(value => value === index + 1)).toBe(true)
  const ends = arrays.map(array => array.byteOffset + array.byteLength)
  expect(Math.max(...ends)).toBeLessThanOrEqual(simdLayout.stored)
  expect(Math.min(...arrays.map(array => array.byteOffset))).toBeGreaterThan(simdLayout.dots)
})

test('an array of another owner is refused where the engine writes, and copied where it reads', () => {
  const strange = new Float64Array(blockRoom).fill(0.25)
  expect(() => engine.subtract(strange, engine.source(0), 4)).toThrow(/not of this engine/)
  expect(() => engine.vary([engine.source(0), strange], 4)).toThrow(/not of this engine/)
  expect(engine.selectBelow(strange, 0.5, 4)).toBe(4)
})

test('more terms than the tables have room for are refused', () => {
  const terms = Array.from({ length: mostSources + 1 }, () => engine.source(0))
  expect(() => engine.vary(terms, 1)).toThrow(/^1201 models, more than there is room for \(1200\)$/)
  engine.source(0).fill(3)
  engine.vary(terms.slice(1), 1)
  expect(engine.variances[0]).toBe(0)
})
