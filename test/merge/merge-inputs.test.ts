import { describe, expect, test } from 'vitest'
import {
  filesOf,
  mapInputs,
  memberInputs,
  mergeInputs,
  placeOfBase,
  placesOfCompanions,
} from '../../src/merge/merge-inputs.ts'

const file = (name: string, sha256 = name) => ({ label: name, sha256 })
const model = (name: string, weight = 1) => ({ ...file(name), weight })
const labels = (files: readonly { label: string }[]) => files.map(({ label }) => label)

describe('the inputs of a merge', () => {
  test('have the first model as the base if no other is named', () => {
    expect(mergeInputs([model('a'), model('b')]).base.label).toBe('a')
  })

  test('have the model that has the content of the base as the base', () => {
    const inputs = mergeInputs([model('a'), model('b')], file('another name', 'b'), [file('fa'), file('fb')])
    expect(inputs.base).toBe(inputs.models[1])
    expect(labels(filesOf(inputs))).toEqual(['a', 'b', 'fa', 'fb'])
    expect([placeOfBase(inputs), placesOfCompanions(inputs)]).toEqual([1, [2, 3]])
  })

  test('number a base that is none of the models behind them, and companions behind it', () => {
    const inputs = mergeInputs([model('a'), model('b')], file('c'), [file('fa'), file('fb')])
    expect(labels(filesOf(inputs))).toEqual(['a', 'b', 'c', 'fa', 'fb'])
    expect([placeOfBase(inputs), placesOfCompanions(inputs)]).toEqual([2, [3, 4]])
  })

  test('are mapped file by file, each once, and the base stays the model that it is', () => {
    const seen: string[] = []
    const mapped = mapInputs(mergeInputs([model('a', 2), model('b', 3)], file('b'), [file('fa'), file('fb')]), each => {
      seen.push(each.label)
      return { sha256: each.sha256, label: each.label.toUpperCase() }
    })
    expect(seen).toEqual(['a', 'b', 'fa', 'fb'])
    expect(mapped.base).toBe(mapped.models[1])
    expect(mapped.models).toEqual([
      { label: 'A', sha256: 'a', weight: 2 },
      { label: 'B', sha256: 'b', weight: 3 },
    ])
    expect(labels(filesOf(mapped))).toEqual(['A', 'B', 'FA', 'FB'])
  })

  test('are refused without a model', () => {
    expect(() => mergeInputs([], file('a'))).toThrow('a merge has no model')
  })
})

describe('the inputs of some models of a search', () => {
  const search = { models: [model('a'), model('b'), model('c')], companions: [file('fa'), file('fb'), file('fc')] }

  test('are these models with weights and companions of their own, in their order', () => {
    const { models, base, companions } = memberInputs({ ...search, base: null }, { members: [2, 0], weights: [4, 5] })
    expect(models).toEqual([model('c', 4), model('a', 5)])
    expect(base).toBe(models[0])
    expect(labels(companions)).toEqual(['fc', 'fa'])
  })

  test('keep the base of the search, whether it is among them or not', () => {
    const inputs = (members: number[]) =>
      memberInputs({ ...search, base: file('b') }, { members, weights: members.map(() => 1) })
    expect(labels(filesOf(inputs([2, 1])))).toEqual(['c', 'b', 'fc', 'fb'])
    expect(labels(filesOf(inputs([2])))).toEqual(['c', 'b', 'fc'])
  })

  test('are refused if there is no such model, or no weight for it', () => {
    expect(() => memberInputs({ ...search, base: null }, { members: [3], weights: [1] })).toThrow(RangeError)
    expect(() => memberInputs({ ...search, base: null }, { members: [0, 1], weights: [1] })).toThrow(RangeError)
  })
})
