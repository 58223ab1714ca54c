import onnxProto from 'onnx-proto'
import { describe, expect, test } from 'vitest'
import { floats, pair, richWithWeights } from '../support/merge-pair.ts'
import { linearModel } from '../support/onnx-model.ts'
import { digest, soupOfFiles } from '../support/soup.ts'
import {
  bytesField,
  float32Bytes,
  modelBytes,
  onnxField,
  parseFields,
  tensorBytes,
  varint,
} from '../support/wire-bytes.ts'

const field = onnxField.tensor

describe('results that are not finite are counted once each', () => {
  const infinity = Number.POSITIVE_INFINITY
  const halves = (...codes: number[]) =>
    tensorBytes(
      'h',
      10,
      [codes.length],
      bytesField(
        field.int32Data,
        codes.map(code => varint(code)),
      ),
    )
  const floats32 = (...values: number[]) =>
    tensorBytes('W', 1, [values.length], bytesField(field.rawData, float32Bytes(values)))
  const counted = (first: Uint8Array[], second: Uint8Array[], normalize: boolean) =>
    soupOfFiles(pair(modelBytes(first), modelBytes(second)), { normalize }).report.nonFinite

  test.each([
    [
      'in raw tensors that are equal',
      [floats32(Number.NaN, 1, infinity)],
      [floats32(Number.NaN, 1, infinity)],
      true,
      2,
    ],
    ['in raw tensors that differ', [floats32(Number.NaN, 1, infinity, 1)], [floats32(1, 2, -infinity, 1)], true, 2],
    ['that come out of finite ones', [floats32(3e38, 1)], [floats32(3e38, 2)], false, 1],
    ['in varints that are equal', [halves(0x7c00, 0x7e00, 1)], [halves(0x7c00, 0x7e00, 1)], true, 2],
    ['in varints that differ', [halves(0x7c00, 0x7e00, 1)], [halves(0x7c00, 0x7e00, 2)], true, 2],
    [
      'in varints that are equal, all being computed',
      [halves(0x7c00, 0x7e00, 1)],
      [halves(0x7c00, 0x7e00, 1)],
      false,
      2,
    ],
  ])('%s', (_, first, second, normalize, expected) => {
    // A further field, so that the two are two models.
    const marked = [...second, tensorBytes('marker', 1, [1], bytesField(field.rawData, float32Bytes([2])))]
    const unmarked = [...first, tensorBytes('marker', 1, [1], bytesField(field.rawData, float32Bytes([1])))]
    expect(counted(unmarked, marked, normalize)).toBe(expected)
  })
})

describe('provenance', () => {
  const metadataOf = (model: Uint8Array) =>
    onnxProto.onnx.ModelProto.decode(model).metadataProps.map(({ key, value }) => [key ?? '', value ?? ''])
  const [a, b] = [richWithWeights([1, 2, 3, 4, 5, 6]), richWithWeights([3, 2, 1, 0, -1, -2])]

  test('says how the soup was made, by digests, after what the base says of itself', () => {
    const { content } = soupOfFiles(
      [
        { bytes: a, weight: 2, label: 'secret name' },
        { bytes: b, weight: 3 },
      ],
      { provenance: true },
    )
    expect(metadataOf(content)).toEqual([
      ['author', 'nobody'],
      ['tureen.recipe', expect.any(String)],
      ['tureen.numerics', expect.stringMatching(/^\d+$/)],
    ])
    expect(JSON.parse(metadataOf(content)[1]?.[1] ?? '')).toEqual({
      method: 'linear',
      models: [
        { id: digest(a), weight: 2 },
        { id: digest(b), weight: 3 },
      ],
      normalize: true,
      nonFloat: 'error',
      provenance: true,
    })
    expect(content.includes('secret name')).toBe(false)
  })

  test('names the base where that is not the first', () => {
    const { content } = soupOfFiles(
      [
        { bytes: a, weight: 1 },
        { bytes: b, weight: null },
      ],
      { provenance: true, base: 1 },
    )
    expect(JSON.parse(metadataOf(content)[1]?.[1] ?? '')).toMatchObject({
      models: [{ id: digest(a), weight: 1 }],
      base: digest(b),
    })
  })

  test('is the only thing that is added: without it, the soup is the same file', () => {
    const inputs = pair(a, b)
    const [plain, with_] = [soupOfFiles(inputs).content, soupOfFiles(inputs, { provenance: true }).content]
    expect(with_.subarray(0, plain.byteLength).equals(plain)).toBe(true)
    expect(parseFields(with_, plain.byteLength).map(({ number }) => number)).toEqual([14, 14])
  })

  test('of an earlier soup is replaced, all else in the metadata stays where it is', () => {
    const entry = (key: string, value: string) =>
      bytesField(onnxField.model.metadataProps, [bytesField(1, key), bytesField(2, value)])
    const base = Buffer.concat([
      entry('tureen.recipe', 'old'),
      entry('first', '1'),
      linearModel([1], [2]),
      entry('tureen.numerics', '0'),
      entry('tureen.other', 'x'),
      entry('last', '2'),
      entry('tureenish', '3'),
    ])
    const soup = soupOfFiles(pair(base, linearModel([3], [4])), { provenance: true }).content
    expect(metadataOf(soup).map(([key]) => key)).toEqual([
      'first',
      'last',
      'tureenish',
      'tureen.recipe',
      'tureen.numerics',
    ])
    const again = soupOfFiles(pair(soup, linearModel([3], [4])), { provenance: true }).content
    expect(metadataOf(again).map(([key]) => key)).toEqual([
      'first',
      'last',
      'tureenish',
      'tureen.recipe',
      'tureen.numerics',
    ])
    expect(JSON.parse(metadataOf(again)[3]?.[1] ?? '').models[0].id).toBe(digest(soup))
  })

  test('makes no file too different to be merged again', () => {
    const soup = soupOfFiles(pair(a, b), { provenance: true }).content
    expect(floats(soupOfFiles(pair(soup, a)).content, 'W')).toEqual([1.5, 2, 2.5, 3, 3.5, 4])
  })
})
