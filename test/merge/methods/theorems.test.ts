import { describe, expect, test } from 'vitest'
import { readBytes } from '../../../src/onnx/byte-source.ts'
import { type TensorMerge, tensorMerge } from '../../support/merge-tensors.ts'

const bytesOf = (values: readonly number[]) => new Uint8Array(Float64Array.from(values).buffer)

/** Merges vectors of doubles. */
function merged(
  models: readonly (readonly number[])[],
  { base, ...how }: Omit<TensorMerge, 'tensors'> & { base?: readonly number[] },
): number[] {
  const elements = models[0]?.length ?? 0
  const tensor = { name: 'w', dtype: 'float64', dims: [elements], elements, models: models.map(bytesOf) }
  const { source } = tensorMerge({ ...how, tensors: [{ ...tensor, base: base && bytesOf(base) }] })
  return [...new Float64Array(readBytes(source, 0, source.byteLength).buffer)]
}

const length = (v: readonly number[]) => Math.hypot(...v)
const dot = (u: readonly number[], v: readonly number[]) => u.reduce((sum, x, i) => sum + x * (v[i] ?? 0), 0)
const close = (values: readonly number[], digits = 12) => values.map(value => expect.closeTo(value, digits))

const x = [3, 0.5, -1, 2]
const y = [-1, 2, 0.25, 1]
const z = [0.5, -0.5, 1, 4]
const zero = [0, 0, 0, 0]

describe('on the sphere', () => {
  test('a point between two unit vectors is a unit vector, at the part of the angle that t says', () => {
    const [u, v] = [x, y].map(vector => vector.map(value => value / length(vector)))
    const point = merged([u ?? [], v ?? []], { method: 'slerp', parameters: { t: 0.3 } })
    expect(length(point)).toBeCloseTo(1, 12)
    const angle = Math.acos(dot(u ?? [], v ?? []))
    expect(Math.acos(dot(u ?? [], point))).toBeCloseTo(0.3 * angle, 12)
  })

  test('the Karcher mean of two is half way between them, as long as their mean', () => {
    const mean = merged([x, y], { method: 'karcher', parameters: { maxIter: 100, tol: 1e-12 } })
    const [u, v] = [x, y].map(vector => vector.map(value => value / length(vector)))
    const middle = (u ?? []).map((value, i) => value + (v?.[i] ?? 0))
    expect(dot(mean, middle)).toBeCloseTo(length(mean) * length(middle), 12)
    expect(length(mean)).toBeCloseTo((length(x) + length(y)) / 2, 12)
  })

  test('the pulls at a Karcher mean cancel', () => {
    const mean = merged([x, y, z], { method: 'karcher', parameters: { maxIter: 200, tol: 1e-13 } })
    const m = mean.map(value => value / length(mean))
    const pull = [0, 0, 0, 0]
    for (const vector of [x, y, z]) {
      const u = vector.map(value => value / length(vector))
      const cosine = dot(u, m)
      const angle = Math.acos(cosine)
      for (const i of pull.keys())
        pull[i] = (pull[i] ?? 0) + (angle / Math.sin(angle)) * ((u[i] ?? 0) - cosine * (m[i] ?? 0))
    }
    expect(pull).toEqual(close(zero, 10))
  })

  test('vectors of one direction have that direction, in the length of their weighted mean', () => {
    const twice = x.map(value => 2 * value)
    expect(merged([x, twice], { method: 'multislerp', weights: [3, 1] })).toEqual(close(x.map(value => 1.25 * value)))
    expect(merged([x, twice], { method: 'karcher', weights: [3, 1] })).toEqual(close(x.map(value => 1.25 * value)))
  })
})

describe('model_stock', () => {
  test('of orthogonal changes stays at the base, and of parallel ones is their mean', () => {
    const base = [1, 1, 1, 1]
    const plus = (change: readonly number[]) => base.map((value, i) => value + (change[i] ?? 0))
    expect(merged([plus([1, 0, 0, 0]), plus([0, 1, 0, 0])], { method: 'model_stock', base })).toEqual(base)
    const mean = merged([plus([1, 2, 0, 0]), plus([2, 4, 0, 0])], { method: 'model_stock', base })
    expect(mean).toEqual(close(plus([1.5, 3, 0, 0])))
  })
})

describe('changes of a base', () => {
  test('all of them added is what task arithmetic says', () => {
    expect(merged([x, y], { method: 'task_arithmetic', base: z, parameters: { lambda: 0.5 } })).toEqual(
      close(z.map((b, i) => b + 0.5 * ((x[i] ?? 0) - b + ((y[i] ?? 0) - b)))),
    )
  })

  test.each(['dare_linear', 'breadcrumbs', 'della_linear'])('with everything kept %s is task arithmetic', method => {
    const none = method === 'della_linear' ? { epsilon: 0 } : {}
    const parameters = { density: 1, ...none }
    expect(merged([x, y], { method, base: z, parameters })).toEqual(
      merged([x, y], { method: 'task_arithmetic', base: z }),
    )
  })

  test('that all have one sign ties takes the mean of', () => {
    const up = [x.map(Math.abs), y.map(Math.abs)]
    expect(merged(up, { method: 'ties', base: zero })).toEqual(
      close(up[0]?.map((value, i) => (value + (up[1]?.[i] ?? 0)) / 2) ?? []),
    )
  })

  test('ties takes of opposite ones the larger alone', () => {
    expect(
      merged(
        [
          [3, -1],
          [-1, 4],
        ],
        { method: 'ties', base: [0, 0] },
      ),
    ).toEqual([3, 4])
  })

  test('trimmed to a half keep the largest, of equal ones the first', () => {
    expect(merged([[1, 4, -4, 2]], { method: 'ties', base: zero, parameters: { density: 0.5 } })).toEqual([0, 4, -4, 0])
    expect(merged([[1, 1, 1, 1]], { method: 'ties', base: zero, parameters: { density: 0.5 } })).toEqual([1, 1, 0, 0])
  })

  test('breadcrumbs drop the largest and the smallest', () => {
    const parameters = { density: 0.5, gamma: 0.25 }
    expect(merged([[1, 4, -3, 2]], { method: 'breadcrumbs', base: zero, parameters })).toEqual([0, 0, -3, 2])
  })

  test.each(['dare_linear', 'della_linear'])('dropped at random by %s are the same in expectation', method => {
    const count = 200_000
    const change = Array.from({ length: count }, (_, i) => 1 + (i % 3))
    const base = change.map(() => 0)
    const result = merged([change], { method, base, parameters: { density: 0.4 } })
    const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / count
    // Five standard deviations of the mean, of which the largest entries divided by the least probability are a bound.
    expect(Math.abs(mean(result) - mean(change))).toBeLessThan((5 * 3) / Math.sqrt(0.25 * count))
    const kept = result.filter(value => value !== 0).length / count
    expect(Math.abs(kept - 0.4)).toBeLessThan(5 * Math.sqrt(0.24 / count))
  })

  test('large ones survive della more often than small ones', () => {
    const count = 50_000
    const change = Array.from({ length: count }, (_, i) => 1 + ((i * 7919) % count))
    const parameters = { density: 0.5, epsilon: 0.4 }
    const result = merged([change], { method: 'della_linear', base: change.map(() => 0), parameters })
    const survivors = (isLarge: boolean) =>
      change.filter((value, i) => value > count / 2 === isLarge && result[i] !== 0).length / (count / 2)
    expect(survivors(true)).toBeCloseTo(0.7, 1)
    expect(survivors(false)).toBeCloseTo(0.3, 1)
  })

  test('other seeds drop others', () => {
    const how = { method: 'dare_linear', base: zero.concat(zero, zero) }
    const change = x.concat(y, z)
    const first = merged([change], { ...how, parameters: { density: 0.5, seed: 1 } })
    expect(first).not.toEqual(merged([change], { ...how, parameters: { density: 0.5, seed: 2 } }))
    expect(first).toEqual(merged([change], { ...how, parameters: { density: 0.5, seed: 1 } }))
  })

  test('sce leaves elements alone on which the models agree', () => {
    const result = merged(
      [
        [1, 5, 2, 2],
        [1, -3, 2, 9],
      ],
      { method: 'sce', base: zero, parameters: { topk: 0.5 } },
    )
    expect([result[0], result[2]]).toEqual([0, 0])
    expect(result[1]).toBe(5)
  })
})

describe('one element at a time', () => {
  test('ema forgets as its decay says', () => {
    expect(merged([[8], [4], [2]], { method: 'ema', parameters: { decay: 0.5 } })).toEqual([4])
  })

  test('nearswap takes what is near and leaves what is far', () => {
    expect(
      merged(
        [
          [1, 1],
          [1.5, 101],
        ],
        { method: 'nearswap', parameters: { t: 1 } },
      ),
    ).toEqual([1.5, 2])
  })

  test('wise_ft goes along the line', () => {
    expect(merged([[5]], { method: 'wise_ft', base: [1], parameters: { alpha: 0.25 } })).toEqual([2])
  })
})
