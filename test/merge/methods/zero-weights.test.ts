import { describe, expect, test } from 'vitest'
import type { WeightValue } from '../../../src/merge/gradient.ts'
import { methodSettings } from '../../../src/merge/method-settings.ts'
import { methods } from '../../../src/merge/methods/merge-method-registry.ts'
import { methodParameters } from '../../../src/merge/methods/method-schema.ts'
import type { TensorRule } from '../../../src/merge/tensor-rule.ts'
import { linearModel, rawInitializer } from '../../support/onnx-model.ts'
import { type SoupInput, soupInMemory } from '../../support/soup.ts'

const nan = Number.NaN
const a = linearModel([1, 2, 3, 4], [5, 6])
const b = linearModel([3, -2, 8, 4], [1, 0])
const start = linearModel([2, 1, 4, 4], [3, 3])
const poisoned = linearModel([nan, Number.POSITIVE_INFINITY, nan, nan], [nan, nan])

type Merge = { method: string; rules?: TensorRule[]; parameters?: Record<string, unknown>; normalize?: boolean }

/** A soup by any method; a base and Fisher information are added where the method takes them. */
function soup(
  models: readonly [Uint8Array, WeightValue][],
  { method, rules = [], parameters = {}, normalize }: Merge,
): Buffer {
  const described = methods.get(method)
  if (!described) throw new Error(`there is no method ${method}`)
  const weights = models.map(([, weight]) => weight)
  const hasBase = described.base === 'required'
  const density = 'density' in Object(methodParameters(described).toJSONSchema().properties) ? { density: 0.5 } : {}
  const settings = methodSettings(
    {
      method,
      parameters: { ...density, ...parameters },
      rules,
      ...(normalize === undefined ? {} : { normalize }),
    },
    { weights, hasBase, fishers: described.fisher ? models.length : 0 },
  )
  const averaged = models.map(([bytes, weight]): SoupInput => ({ bytes, weight }))
  const base: SoupInput[] = hasBase ? [{ bytes: start, weight: null }] : []
  const fishers = described.fisher ? models.map(([bytes]) => ({ bytes, weight: null })) : []
  return soupInMemory([...averaged, ...base, ...fishers], {
    ...settings,
    base: hasBase ? models.length : 0,
  })
}

const floats = (model: Uint8Array, name: string) => [...new Float32Array(rawInitializer(model, name).buffer)]
const weighted = [...methods.values()].filter(({ weights }) => weights).map(({ name }) => name)
const forAnyNumber = weighted.filter(name => methods.get(name)?.models.max === null)

describe('a model of weight 0', () => {
  test.each(forAnyNumber)('changes nothing of a soup by %s, whatever it holds', method => {
    const others: [Uint8Array, WeightValue][] = [
      [a, 1],
      [b, 2],
    ]
    const soups = [0, -0].map(weight => soup([...others, [poisoned, weight]], { method }))
    for (const each of soups) expect(each.equals(soup(others, { method }))).toBe(true)
  })

  test.each(weighted)('is left out where a rule says so, by %s', method => {
    const rules = [{ match: 'W', weights: [1, 0] }]
    const made = soup(
      [
        [a, 1],
        [linearModel([nan, nan, nan, nan], [1, 0]), 1],
      ],
      { method, rules },
    )
    expect(floats(made, 'W').every(Number.isFinite)).toBe(true)
  })

  test('and the only other one come out as the other, bit by bit', () => {
    const payload = Uint8Array.from(a)
    const models: [Uint8Array, WeightValue][] = [
      [poisoned, 0],
      [payload, 0.3],
    ]
    expect(floats(soup(models, { method: 'linear' }), 'W')).toEqual([1, 2, 3, 4])
    expect(floats(soup(models, { method: 'karcher' }), 'W')).toEqual([1, 2, 3, 4])
  })

  test('by a gradient is left out at that end of the graph alone', () => {
    const models: [Uint8Array, WeightValue][] = [
      [a, 1],
      [linearModel([nan, nan, nan, nan], [1, 0]), { gradient: [0, 1] }],
    ]
    const made = soup(models, { method: 'linear' })
    expect(floats(made, 'W')).toEqual([1, 2, 3, 4])
    expect(floats(made, 'b')).toEqual([3, 3])
  })

  test('leaves the others identical, whose bits are then copied', () => {
    const negativeZero = linearModel([-0, 0.1, 0.1, 0.1], [-0, -0])
    const made = soup(
      [
        [negativeZero, 0.1],
        [poisoned, 0],
        [Uint8Array.from(negativeZero), 0.2],
      ],
      { method: 'linear' },
    )
    expect(rawInitializer(made, 'W')).toEqual(rawInitializer(negativeZero, 'W'))
  })
})

describe('where every weight is 0', () => {
  test('the base stays', () => {
    const none: [Uint8Array, WeightValue][] = [
      [poisoned, 0],
      [a, 0],
    ]
    for (const method of ['task_arithmetic', 'ties', 'dare_linear', 'della', 'breadcrumbs_ties'])
      expect(floats(soup(none, { method }), 'W')).toEqual([2, 1, 4, 4])
  })

  test('and nothing is divided by the sum, elements are 0', () => {
    const rules = [{ match: 'W', weights: [0, 0] }]
    const made = soup(
      [
        [poisoned, 1],
        [a, 1],
      ],
      { method: 'linear', rules, normalize: false },
    )
    expect(floats(made, 'W')).toEqual([0, 0, 0, 0])
  })
})

test('ties trims a model over the tensors that it takes part in', () => {
  const rules = [{ match: 'W', weights: [1, 0] }]
  const made = soup(
    [
      [a, 1],
      [linearModel([nan, nan, nan, nan], [13, 2]), 1],
    ],
    { method: 'ties', rules, parameters: { trim: 'global', density: 0.5 } },
  )
  // Changes of the first: W -1 1 -1 0, b 2 3, of which the three largest are 2, 3 and the first of the ones; of the second: b 10 -1.
  expect(floats(made, 'W')).toEqual([1, 1, 4, 4])
  expect(floats(made, 'b')).toEqual([3 + (2 + 10) / 2, 3 + 3])
})
