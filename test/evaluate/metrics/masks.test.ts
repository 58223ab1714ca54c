import { describe, expect, test } from 'vitest'
import { score, scoreBatches, values } from './score.ts'

describe('meanIoU', () => {
  const masks = values([1, 2, 2], [0, 1, 1, 255])

  test('leaves ignored pixels out, and classes that occur nowhere', () => {
    const output = values([1, 4, 2, 2], [9, 9, 0, 0, /**/ 0, 0, 9, 0, /**/ 0, 0, 0, 0, /**/ 0, 0, 0, 9])
    expect(score('meanIoU', output, masks)).toEqual({
      value: 0.5,
      perClass: [
        { class: 0, value: 0.5, support: 1 },
        { class: 1, value: 0.5, support: 2 },
      ],
      note: 'classes without pixels in masks and predictions, or ignored, left out of the mean: 2, 3',
    })
  })

  test('is of the whole set, not a mean over images', () => {
    const right = { output: values([1, 1, 2], [0, 2]), target: values([1, 1, 2], [0, 2]) }
    const wrong = { output: values([1, 1, 2], [0, 0]), target: values([1, 1, 2], [0, 2]) }
    expect(scoreBatches('meanIoU', [right, wrong]).perClass).toEqual([
      { class: 0, value: 2 / 3, support: 2 },
      { class: 2, value: 0.5, support: 2 },
    ])
  })

  test('takes batches of images of other sizes', () => {
    const small = { output: values([1, 2, 1, 1], [1, 0]), target: values([1, 2, 2], [0, 0, 0, 0]) }
    const large = { output: values([1, 2, 1, 2], [0, 0, 1, 1]), target: values([1, 1, 4], [1, 1, 1, 1]) }
    expect(scoreBatches('meanIoU', [small, large]).value).toBe(1)
  })

  test('gives tied pixels to the lowest class', () => {
    const output = values([1, 3, 1, 1], [1, 2, 2])
    expect(score('meanIoU', output, values([1, 2, 3], [1, 1, 1, 1, 1, 1])).value).toBe(1)
  })

  test('excludes a class by a score of minus infinity', () => {
    const { NEGATIVE_INFINITY: excluded } = Number
    for (const scores of [
      [excluded, -1e3],
      [-1e3, excluded],
    ]) {
      const target = values([1, 1, 5], [1, 1, 1, 1, 1])
      expect(score('meanIoU', values([1, 2, 1, 2], [...scores, -1, -1]), target).value).toBe(1)
      const upright = values([1, 5, 1], [1, 1, 1, 1, 1])
      expect(score('meanIoU', values([1, 2, 2, 1], [...scores, -1, -1]), upright).value).toBe(1)
    }
  })

  test('takes a predicted label that is ignored for none', () => {
    const result = score('meanIoU', values([1, 1, 3], [255, 4, 4]), values([1, 1, 3], [4, 4, 255]))
    expect(result).toMatchObject({ value: 0.5, perClass: [{ class: 4, value: 0.5, support: 2 }] })
  })
})

describe('one number a pixel is taken for', () => {
  const target = values([1, 1, 4], [0, 1, 1, 0])

  test.each([
    ['a probability', [0.2, 0.9, 0.4, 0.1], 'probabilities', 0.75],
    ['a logit', [-4, 2.5, 0.4, -1], 'logits', 1],
    ['a label', [0, 1, 2, 0], 'labels', 0.75],
    ['a label or a probability, which is the same', [0, 1, 1, 0], 'probabilities', 1],
  ])('%s', (_, output, reading, recognised) => {
    for (const dims of [
      [1, 1, 4],
      [1, 1, 1, 4],
    ]) {
      const result = score('meanIoU', values(dims, output), target)
      expect(result.note).toContain(`outputs read as ${reading}`)
      expect(result.value === 1).toBe(recognised === 1)
    }
  })

  test('a label where the output has an integer type', () => {
    const output = { ...values([1, 1, 4], [0, 1, 1, 0]), integers: true }
    expect(score('meanIoU', output, target)).toMatchObject({ value: 1, note: expect.stringContaining('labels') })
  })

  test('a label of 0 or 1 where the masks have more', () => {
    const result = score('meanIoU', values([1, 1, 4], [0, 1, 1, 0]), values([1, 1, 4], [0, 1, 2, 2]))
    expect(result.note).toContain('labels')
    expect(result.perClass).toHaveLength(3)
  })

  test('what the request says', () => {
    const result = score('meanIoU', values([1, 1, 4], [0, 3, 1, 0]), target, { from: 'logits' })
    expect(result).toMatchObject({ value: 1, note: 'outputs read as logits, as requested; class 1 is above 0' })
  })
})
