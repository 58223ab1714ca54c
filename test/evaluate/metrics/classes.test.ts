import { describe, expect, test } from 'vitest'
import { rows, score, scoreBatches, values } from './score.ts'

const logits = [
  [2, -1, 0.5],
  [0, 3, 1],
  [1, 0, -2],
  [-1, 0, 4],
]
const target = [0, 1, 2, 2]

describe('shapes', () => {
  const expected = score('accuracy', rows(logits), rows(target))

  test.each([
    ['indices [n, 1]', [4, 3], [4, 1]],
    ['scores with axes of size 1 behind the classes', [4, 3, 1, 1], [4]],
    ['scores with an axis of size 1 before the classes', [4, 1, 3], [4, 1]],
    ['one position a sample, as [n, C, 1]', [4, 3, 1], [4, 1]],
    ['positions of one sample, classes last', [1, 4, 3], [1, 4]],
    ['positions of two samples, classes last', [2, 2, 3], [2, 2]],
  ])('%s', (_, outputDims, targetDims) => {
    expect(score('accuracy', values(outputDims, logits.flat()), values(targetDims, target))).toEqual(expected)
  })

  test('classes first, as PyTorch has them, with targets with or without a channel', () => {
    const first = [0, 1, 2].flatMap(c => logits.map(row => row[c] ?? 0))
    expect(score('accuracy', values([1, 3, 2, 2], first), values([1, 2, 2], target))).toEqual(expected)
    expect(score('accuracy', values([1, 3, 2, 2], first), values([1, 1, 2, 2], target))).toEqual(expected)
  })

  test('a binary head at each position', () => {
    const output = [-1, 2, 0.5, -3]
    for (const dims of [
      [2, 1, 2],
      [2, 2, 1],
      [1, 1, 2, 2],
    ]) {
      const result = score('accuracy', values(dims, output), values(dims.length === 4 ? dims : [2, 2], [0, 1, 1, 1]))
      expect(result).toMatchObject({ value: 0.75, note: expect.stringContaining('logits') })
    }
  })

  test('a single sample without a samples axis of its own', () => {
    expect(score('accuracy', values([1, 3], [0, 1, 0]), values([], [1])).value).toBe(1)
  })

  test('typed arrays of any element type', () => {
    const output = values([4, 3], Float32Array.from(logits.flat()))
    expect(score('accuracy', output, values([4], Int8Array.from(target)))).toEqual(expected)
    expect(
      score('accuracy', values([4, 3], Float16Array.from(logits.flat())), values([4], Uint8Array.from(target))),
    ).toEqual(expected)
  })
})

describe('ties', () => {
  const tied = rows([
    [1, 1, 0],
    [0, 1, 1],
  ])

  test('the lowest class wins', () => {
    expect(score('accuracy', tied, rows([0, 1])).value).toBe(1)
    expect(score('accuracy', tied, rows([1, 2])).value).toBe(0)
    expect(score('topK', tied, rows([1, 2]), { k: 1 }).value).toBe(0)
    expect(score('topK', tied, rows([1, 2]), { k: 2 }).value).toBe(1)
  })

  test('the highest score may be minus zero, and a NaN is above all', () => {
    expect(score('accuracy', rows([[-0, 0]]), rows([0])).value).toBe(1)
    const broken = rows([[9, Number.NaN, Number.NaN]])
    expect(score('accuracy', broken, rows([1])).value).toBe(1)
    expect(score('topK', broken, rows([1]), { k: 1 }).value).toBe(1)
    expect(score('topK', broken, rows([2]), { k: 1 }).value).toBe(0)
    expect(score('topK', broken, rows([0]), { k: 2 }).value).toBe(0)
  })

  test('on the threshold a binary head says class 0', () => {
    expect(score('accuracy', rows([0.5, 0.2]), rows([0, 0]))).toMatchObject({
      value: 1,
      note: expect.stringContaining('0.5'),
    })
    expect(score('accuracy', rows([0, -3]), rows([0, 0])).value).toBe(1)
  })
})

describe('what the outputs are', () => {
  const half = -Math.log(0.5)

  test('is settled by the whole set', () => {
    const low = { output: rows([0.3, 0.4]), target: rows([1, 1]) }
    const high = { output: rows([4, -3]), target: rows([1, 0]) }
    expect(scoreBatches('accuracy', [low])).toMatchObject({ value: 0, note: expect.stringContaining('probabilities') })
    expect(scoreBatches('accuracy', [low, high])).toMatchObject({ value: 1, note: expect.stringContaining('logits') })
  })

  test('may be requested', () => {
    const output = rows([0.3, 0.4])
    const note = 'outputs read as logits, as requested; class 1 is above 0'
    expect(score('accuracy', output, rows([1, 1]), { from: 'logits' })).toMatchObject({ value: 1, note })
    expect(score('crossEntropy', rows([[0.5, 0.5]]), rows([1]), { from: 'logits' }).value).toBe(half)
  })

  test('is not seen in what is ignored', () => {
    const result = score(
      'crossEntropy',
      rows([
        [0.5, 0.5],
        [7, 7],
      ]),
      rows([1, -100]),
    )
    expect(result).toEqual({
      value: half,
      note: 'outputs read as probabilities: no row is negative somewhere or not of sum 1',
    })
  })

  test('allows for the rounding of a softmax in float16, and not for more', () => {
    expect(score('crossEntropy', rows([[0.4995, 0.5]]), rows([1])).value).toBe(half)
    expect(score('crossEntropy', rows([[0.498, 0.5]]), rows([1])).note).toContain('logits')
  })

  test('is no question where there are more classes and only the highest score counts', () => {
    expect(score('accuracy', rows(logits), rows(target))).not.toHaveProperty('note')
  })
})

describe('single classes', () => {
  const one = [
    [3, 0],
    [0, 3],
  ]

  test('the classes that occur make the mean', () => {
    expect(score('balancedAccuracy', rows(one), rows([0, 0]))).toMatchObject({
      value: 0.5,
      perClass: [{ class: 0, value: 0.5, support: 2 }],
    })
    expect(score('macroF1', rows(one), rows([0, 0]))).toMatchObject({
      value: 1 / 3,
      perClass: [
        { class: 0, value: 2 / 3, support: 2 },
        { class: 1, value: 0, support: 0 },
      ],
    })
  })
})

test('topK with no fewer than all classes says that it means nothing', () => {
  expect(score('topK', rows(logits), rows(target))).toEqual({ value: 1, note: expect.stringContaining('k is 5') })
})

test('an ignored class is none of the classes that macroF1 is the mean of', () => {
  const result = score('macroF1', rows(logits), rows(target), { ignoreIndex: 0 })
  expect(result.perClass?.map(({ class: c }) => c)).toEqual([1, 2])
  expect(score('accuracy', rows(logits), rows(target), { ignoreIndex: 0 }).value).toBe(2 / 3)
  const oneHot = rows(target.map(c => [0, 1, 2].map(other => (other === c ? 1 : 0))))
  expect(score('accuracy', rows(logits), oneHot, { ignoreIndex: 0 }).value).toBe(2 / 3)
})
