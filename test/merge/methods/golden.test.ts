import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { readBytes } from '../../../src/onnx/byte-source.ts'
import { rowLayout } from '../../../src/tensor/row-layout.ts'
import { decodeTable, smallFloats } from '../../../src/tensor/small-float.ts'
import { type TestTensor, tensorMerge } from '../../support/merge-tensors.ts'

/** Computed by NumPy: test/fixtures/methods/README.md. */
type GoldenTensor = {
  name: string
  dims: number[]
  models: string[]
  base: string | null
  fishers?: string[]
  units?: number[]
  expected: string
  facts: Record<string, number | number[] | null>
}
type Case = {
  name: string
  method: string
  parameters: Record<string, unknown>
  weights: number[]
  tolerance: number
  dtype: string
  tensors: GoldenTensor[]
}

const fixture = (name: string) => readFileSync(new URL(`../../fixtures/methods/${name}`, import.meta.url), 'utf8')
const inputs = new Map<string, Buffer>(
  JSON.parse(fixture('inputs.json')).map(({ name, data }: { name: string; data: string }) => [
    name,
    Buffer.from(data, 'base64'),
  ]),
)
const cases: Case[] = JSON.parse(fixture('cases.json'))
const widths: Record<string, number> = { float64: 8, float32: 4, float16: 2, bfloat16: 2 }

function testTensor({ name, dims, models, base, fishers, units }: GoldenTensor, dtype: string): TestTensor {
  const elements = dims.reduce((product, dim) => product * dim, 1)
  const take = (key: string): Uint8Array => {
    const bytes = inputs.get(key)
    if (!bytes) throw new Error(`there is no input ${key}`)
    return Uint8Array.from(bytes.subarray(0, elements * (widths[dtype] ?? 0)))
  }
  return {
    name,
    dtype,
    dims,
    elements,
    rows: units && rowLayout(dims.map((length, axis) => ({ length, isUnit: units.includes(axis) }))),
    models: models.map(take),
    base: base === null ? undefined : take(base),
    fishers: fishers?.map(take),
  }
}

function valuesOf(bytes: Uint8Array, dtype: string): number[] {
  const { buffer } = Uint8Array.from(bytes)
  if (dtype === 'float64') return [...new Float64Array(buffer)]
  if (dtype === 'float32') return [...new Float32Array(buffer)]
  const table = decodeTable(dtype === 'float16' ? smallFloats.float16 : smallFloats.bfloat16)
  return [...new Uint16Array(buffer)].map(code => table[code] ?? Number.NaN)
}

const precision: Record<string, { bits: number; smallest: number }> = {
  float64: { bits: 52, smallest: -1022 },
  float32: { bits: 23, smallest: -126 },
  float16: { bits: 10, smallest: -14 },
  bfloat16: { bits: 7, smallest: -126 },
}

/** One unit in the last place of a type at a magnitude. */
function unitAt(magnitude: number, dtype: string): number {
  const { bits, smallest } = precision[dtype] ?? { bits: 0, smallest: 0 }
  return 2 ** (Math.max(smallest, Math.floor(Math.log2(magnitude))) - bits)
}

/** The largest distance from what is expected, in units in the last place; NaN and infinities must be met. */
function distance(got: Uint8Array, expected: Uint8Array, sources: readonly Uint8Array[], dtype: string): number {
  const [a, b, ...others] = [got, expected, ...sources].map(bytes => valuesOf(bytes, dtype))
  let worst = 0
  for (const [index, value] of (b ?? []).entries()) {
    const found = a?.[index] ?? Number.NaN
    if (Object.is(found, value)) continue
    const finite = [value, ...others.map(source => source[index] ?? 0)].filter(Number.isFinite)
    const off = Math.abs(found - value) / unitAt(Math.max(...finite.map(Math.abs)), dtype)
    worst = Math.max(worst, Number.isNaN(off) ? Number.POSITIVE_INFINITY : off)
  }
  return worst
}

/** Methods whose coefficients need a sine or an arc cosine: only of these may the last bit be another. */
const transcendental = new Set(['slerp', 'nuslerp', 'karcher'])

describe.each([...Map.groupBy(cases, ({ method }) => method)])('%s', (method, own) => {
  test.each(own.map(each => [each.name, each] as const))(
    '%s',
    (_, { parameters, weights, tolerance, dtype, tensors }) => {
      const given = tensors.map(tensor => testTensor(tensor, dtype))
      const { normalize, ...rest } = parameters
      const choice = { method, parameters: rest, weights, ...(typeof normalize === 'boolean' ? { normalize } : {}) }
      const { source, facts } = tensorMerge({ ...choice, tensors: given })
      const bytes = readBytes(source, 0, source.byteLength)
      let offset = 0
      for (const [index, { expected, facts: wanted, name }] of tensors.entries()) {
        const tensor = given[index]
        const want = Buffer.from(expected, 'base64')
        const got = bytes.subarray(offset, offset + want.byteLength)
        offset += want.byteLength
        if (transcendental.has(method) && tolerance > 0) {
          const sources = [...(tensor?.models ?? []), ...(tensor?.base ? [tensor.base] : [])]
          expect(distance(got, want, sources, dtype)).toBeLessThanOrEqual(tolerance)
        } else expect(Buffer.from(got).toString('hex')).toBe(want.toString('hex'))
        // Of nothing nothing is counted: tensors without elements are not merged.
        if (want.byteLength === 0) continue
        const found = facts().find(each => each.tensor === name)
        for (const [fact, value] of Object.entries(wanted)) expectFact({ ...found }[fact], value)
      }
      expect(offset).toBe(bytes.byteLength)
    },
  )
})

function expectFact(found: unknown, wanted: number | number[] | null): void {
  const close = (value: number) => expect.closeTo(value, 9)
  if (Array.isArray(wanted)) expect(found).toEqual(wanted.map(each => (Number.isInteger(each) ? each : close(each))))
  else expect(found).toEqual(wanted === null || Number.isInteger(wanted) ? wanted : close(wanted))
}
