import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import onnxProto from 'onnx-proto'
import { describe, expect, test } from 'vitest'
import { defaultSettings } from '../../src/merge/merge-input.ts'
import { mergeInputs } from '../../src/merge/merge-inputs.ts'
import { startMerge } from '../../src/threads/merge-task.ts'
import { workControl } from '../../src/threads/work-control.ts'
import { refusalOf } from '../support/catalogue.ts'
import { layoutOf } from '../support/inspecting.ts'
import { floats, pair, richWithWeights } from '../support/merge-pair.ts'
import { float32Tensor, linearModel, rawInitializer } from '../support/onnx-model.ts'
import { withoutPayloads } from '../support/onnx-oracle.ts'
import { modelOf, richModel } from '../support/rich-model.ts'
import { digest, type SoupInput, selfSoup, soupOfFiles } from '../support/soup.ts'
import {
  bytesField,
  float32Field,
  modelBytes,
  onnxField,
  tensorBytes,
  varint,
  varintField,
} from '../support/wire-bytes.ts'

const field = onnxField.tensor

describe('what is merged', () => {
  test('each float tensor, initializers by name, and nothing else', () => {
    const [a, b] = [richWithWeights([1, 2, 3, 4, 5, 6]), richWithWeights([3, 2, 1, 0, -1, -2])]
    const { content, report } = soupOfFiles(pair(a, b))
    expect(floats(content, 'W')).toEqual([2, 2, 2, 2, 2, 2])
    expect(floats(content, 'b')).toEqual([0.1, 0.2].map(Math.fround))
    expect(withoutPayloads(content)).toEqual(withoutPayloads(a))
    // shape, names and the indices of the sparse tensor are not float, a scalar Constant is a number of the arithmetic; half is
    // stored as varints and carried, all others are read.
    expect(report.tensors).toEqual({ averaged: 1, copied: 8, nonFloat: 4 })
    expect(report).toMatchObject({ nonFinite: 0, bytesWritten: content.byteLength })
  })

  test('initializers in another order are matched by name', () => {
    const b = richModel(({ graph }) => {
      graph.initializer?.splice(0, 1, float32Tensor('W', [3, 2], [9, 9, 9, 9, 9, 9]))
      graph.initializer?.reverse()
    })
    expect(floats(soupOfFiles(pair(richModel(), b)).content, 'W')).toEqual([5, 5.5, 6, 6.5, 7, 7.5])
  })

  test('names that are properties of every object', () => {
    const model = (value: number) =>
      modelOf({
        initializer: ['__proto__', 'constructor'].map((name, index) => float32Tensor(name, [1], [value + index])),
      })
    const { content } = soupOfFiles(pair(model(1), model(3)))
    expect([floats(content, '__proto__'), floats(content, 'constructor')]).toEqual([[2], [3]])
  })

  test('the result is the file of the base, whichever it is, doc strings and producer included', () => {
    const [a, b] = [
      linearModel([1, 2], [3]),
      linearModel([3, 4], [5], model => Object.assign(model, { producerName: 'b', docString: 'b' })),
    ]
    const asFirst = soupOfFiles(pair(a, b)).content
    const asSecond = soupOfFiles(pair(a, b), { base: 1 }).content
    expect(onnxProto.onnx.ModelProto.decode(asFirst)).toMatchObject({ producerName: 'tureen-tests' })
    expect(onnxProto.onnx.ModelProto.decode(asSecond)).toMatchObject({ producerName: 'b', docString: 'b' })
    for (const soup of [asFirst, asSecond]) expect([floats(soup, 'W'), floats(soup, 'b')]).toEqual([[2, 3], [4]])
  })

  test('a base without a weight lends its file, not its weights', () => {
    const inputs: SoupInput[] = [
      ...pair(linearModel([1, 2], [3]), linearModel([3, 4], [5])),
      { bytes: linearModel([100, 100], [100], model => Object.assign(model, { docString: 'base' })), weight: null },
    ]
    const { content } = soupOfFiles(inputs, { base: 2 })
    expect(onnxProto.onnx.ModelProto.decode(content).docString).toBe('base')
    expect([floats(content, 'W'), floats(content, 'b')]).toEqual([[2, 3], [4]])
  })

  test('a model may stand twice in a recipe', () => {
    const [a, b] = [linearModel([0, 3], [0]), linearModel([3, 0], [3])]
    const [first, second] = pair(a, b)
    if (!first || !second) throw new Error('two inputs are needed')
    expect(floats(soupOfFiles([first, second, first]).content, 'W')).toEqual([1, 2])
  })

  test('weights may be negative, fractions, zero', () => {
    const models = pair(linearModel([1, 2], [3]), linearModel([3, 4], [5]))
    const soup = (...weights: number[]) =>
      floats(soupOfFiles(models.map((input, index) => ({ ...input, weight: weights[index] ?? 0 }))).content, 'W')
    expect(soup(1.5, -0.5)).toEqual([0, 1])
    expect(soup(0, 4)).toEqual([3, 4])
    expect(soup(1e-300, 1e-300)).toEqual([2, 3])
  })
})

describe('weights', () => {
  test.each([
    ['1, -1', [1, -1]],
    ['0', [0, 0]],
    ['more than a double holds', [1e308, 1e308]],
    ['not a number', [Number.NaN, 1]],
  ])('that sum to %s are refused', (_, [first = 0, second = 0]) => {
    const inputs = pair(linearModel([1], [2]), linearModel([3], [4])).map((input, index) => ({
      ...input,
      weight: index ? second : first,
    }))
    refusalOf(() => soupOfFiles(inputs), 'TUREEN_WEIGHTS_INVALID')
  })

  test('that are not normalized add and scale', () => {
    const inputs = pair(linearModel([1, 2], [3]), linearModel([3, 4], [5])).map((input, index) => ({
      ...input,
      weight: index ? -1 : 1,
    }))
    const difference = soupOfFiles(inputs, { normalize: false }).content
    expect([floats(difference, 'W'), floats(difference, 'b')]).toEqual([[-2, -2], [-2]])
    const halved = soupOfFiles([{ bytes: linearModel([1, 2], [3]), weight: 0.5 }], { normalize: false }).content
    expect([floats(halved, 'W'), floats(halved, 'b')]).toEqual([[0.5, 1], [1.5]])
  })
})

describe('the file that is written', () => {
  const inputs = pair(linearModel([1, 2], [3]), linearModel([3, 4], [5]))

  test('is the same every time', () => {
    const soups = Array.from({ length: 3 }, () => soupOfFiles(inputs, { provenance: true }))
    for (const { sha256, content } of soups) {
      expect(sha256).toBe(soups[0]?.sha256)
      expect(digest(content)).toBe(sha256)
    }
  })

  test('is announced with its length, and its progress told to the end', () => {
    const control = workControl()
    const { bytes } = soupOfFiles(inputs, {}, control)
    expect(control.progress()).toEqual({ done: bytes, total: bytes })
  })

  test('is not written once the work is stopped', () => {
    const control = workControl()
    control.stop()
    refusalOf(() => soupOfFiles(inputs, {}, control), 'TUREEN_JOB_CANCELLED')
  })

  test('does not replace one that is there', () => {
    const directory = mkdtempSync(join(tmpdir(), 'tureen-output-'))
    try {
      const [path, output] = [join(directory, 'a.onnx'), join(directory, 'soup.onnx')]
      writeFileSync(path, linearModel([1], [2]))
      writeFileSync(output, 'precious')
      const merge = () =>
        startMerge(
          mergeInputs([{ path, data: [], label: 'a', sha256: 'a', weight: 1 }]),
          defaultSettings,
          output,
          false,
          workControl(),
        )
      expect(merge).toThrow(/EEXIST/)
      expect(readFileSync(output, 'utf8')).toBe('precious')
      expect(existsSync(path)).toBe(true)
    } finally {
      rmSync(directory, { recursive: true })
    }
  })
})

describe('promise 6: a soup of a model with itself is that model, byte for byte', () => {
  test('with fields that no schema knows everywhere, unusual lengths, and every storage', () => {
    const odd = bytesField(1000, 'odd')
    const tensor = Buffer.concat([
      odd,
      tensorBytes('W', 10, [2], varintField(field.int32Data, 5), odd, bytesField(field.int32Data, [varint(7, 9)], 4)),
    ])
    const model = Buffer.concat([
      odd,
      modelBytes([tensor, tensorBytes('n', 1, [1], float32Field(field.floatData, Number.NaN))], odd),
      odd,
    ])
    expect(selfSoup(model).equals(model)).toBe(true)
    expect(layoutOf(model).tensors).toHaveLength(2)
  })
  test('with everything in it', () => {
    expect(selfSoup(richModel()).equals(richModel())).toBe(true)
    expect(rawInitializer(selfSoup(linearModel([1], [2])), 'W')).toEqual(rawInitializer(linearModel([1], [2]), 'W'))
  })
})
