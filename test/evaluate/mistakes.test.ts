import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Misfit } from '../../src/evaluate/exchange/frames.ts'
import { readMistaken } from '../../src/evaluate/exchange/read-answers.ts'
import { accuracy } from '../../src/evaluate/metrics/accuracy.ts'
import type { Values } from '../../src/evaluate/metrics/metric.ts'
import { type Mistakes, mistakesOf } from '../../src/evaluate/mistakes.ts'

const label = fc.constantFrom(0, 1, 2)
const samples = fc.array(fc.record({ target: fc.option(label), a: fc.option(label), b: fc.option(label) }))

test('mistakes are the samples that one of two models gets right, and the first of them are listed', () => {
  fc.assert(
    fc.property(samples, fc.nat(5), (all, most) => {
      const targets = all.map(({ target }) => target)
      const of = (model: 'a' | 'b') => ({ targets, predictions: all.map(each => each[model]) })
      const found = mistakesOf(of('a'), of('b'), most)
      const right = all.flatMap((each, sample) =>
        each.target !== null && each.a === each.target && each.b !== each.target ? [sample] : [],
      )
      const wrong = all.flatMap((each, sample) =>
        each.target !== null && each.a !== each.target && each.b === each.target ? [sample] : [],
      )
      expect(found).toMatchObject({ newlyRight: right.length, newlyWrong: wrong.length, samples: all.length })
      const first = [...right, ...wrong].sort((one, other) => one - other).slice(0, most)
      expect(found.listed).toEqual(first.map(sample => [sample, targets[sample], all[sample]?.a, all[sample]?.b]))
    }),
  )
})

describe('predictions of kept samples', () => {
  const start = () => accuracy.start({ from: 'auto' }, true)
  const integers = (dims: number[], data: number[]): Values => ({ dims, data, integers: true })
  const texts: Values = { dims: [3], data: [0, 1, 1], texts: ['cat', 'dog'] }

  test('are labels where the outputs are labels', () => {
    const accumulator = start()
    accumulator.add({ output: integers([3], [7, -2, 7]), target: integers([3], [7, 7, -100]) })
    expect(accumulator.predictions?.()).toEqual({ targets: [7, 7, null], predictions: [7, -2, null] })
  })

  test('are texts where the outputs are texts', () => {
    const accumulator = start()
    accumulator.add({ output: texts, target: { ...texts, data: [0, 0, 1] } })
    expect(accumulator.predictions?.()).toEqual({ targets: ['cat', 'cat', 'dog'], predictions: ['cat', 'dog', 'dog'] })
  })

  test('are not told where a sample has several targets, also of one class', () => {
    for (const data of [
      [1, 2],
      [1, 1],
    ]) {
      const accumulator = start()
      accumulator.add({ output: integers([1, 2], data), target: integers([1, 2], data) })
      expect(accumulator.predictions?.()).toBeUndefined()
    }
    expect(mistakesOf(undefined, undefined, 3)).toMatchObject({ isTold: false, listed: [] })
  })
})

describe('an answer with mistakes', () => {
  const told: Mistakes = {
    isTold: true,
    samples: 9,
    newlyRight: 1,
    newlyWrong: 1,
    listed: [
      [2, 1, 1, 0],
      [5, 'x', null, 'x'],
    ],
  }
  const bodyOf = (outcome: object) => {
    const text = Buffer.from(JSON.stringify({ type: 'mistaken', outcome }))
    const length = Buffer.alloc(4)
    length.writeUInt32LE(text.byteLength)
    return Buffer.concat([length, text])
  }

  test('is read as it was written', () => {
    expect(readMistaken(bodyOf(told), 2)).toEqual(told)
  })

  test.each<[string, object]>([
    ['more samples than were asked for', { ...told, listed: [...told.listed, [6, 1, 1, 0]] }],
    ['fewer than it counts', { ...told, listed: told.listed.slice(1) }],
    ['samples that are not there', { ...told, samples: 5 }],
    ['samples out of order', { ...told, listed: [...told.listed].reverse() }],
    ['samples that both get right', { ...told, listed: [told.listed[0], [5, 'x', 'x', 'x']] }],
    ['more mistakes than samples', { ...told, samples: 1 }],
    ['something else', { ...told, more: 1 }],
  ])('is refused with %s', (_, outcome) => {
    expect(() => readMistaken(bodyOf(outcome), 2)).toThrow(Misfit)
  })
})
