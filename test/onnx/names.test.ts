import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { memorySource } from '../../src/onnx/byte-source.ts'
import { decodeName, encodeName } from '../../src/onnx/names.ts'
import { readLayout } from '../../src/onnx/read-layout.ts'
import { networkOfBytes } from '../support/inspecting.ts'
import { float32Tensor, linearModel } from '../support/onnx-model.ts'
import { soupInMemory } from '../support/soup.ts'

const bytesOf = (text: string) => new TextEncoder().encode(text)

describe('a name', () => {
  test.each([
    ['plain', Buffer.from('weight'), 'weight'],
    ['in UTF-8', bytesOf('gew\u00efcht\u{1f372}'), 'gew\u00efcht\u{1f372}'],
    ['with a byte order mark', bytesOf('\ufeffw'), '\ufeffw'],
    ['in Latin-1', Buffer.from('poids_\u00e9t\u00e9', 'latin1'), 'poids_\ufffdE9t\ufffdE9'],
    ['with half of a surrogate pair', Buffer.from('77eda080', 'hex'), 'w\ufffdED\ufffdA0\ufffd80'],
    ['cut off', Buffer.from('77e282', 'hex'), 'w\ufffdE2\ufffd82'],
    ['partly in UTF-8', Buffer.from('c3a9e9', 'hex'), '\u00e9\ufffdE9'],
    ['with U+FFFD itself', bytesOf('w\ufffd'), 'w\ufffdEF\ufffdBF\ufffdBD'],
    ['empty', new Uint8Array(0), ''],
  ])('%s', (_, bytes, expected) => {
    expect(decodeName(bytes)).toBe(expected)
  })

  test('is the text that TextDecoder reads, where it reads one', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), text => {
        if (!text.includes('\ufffd') && text.isWellFormed()) expect(decodeName(bytesOf(text))).toBe(text)
      }),
    )
  })

  test('has its bytes still in it, so that no two names become one', () => {
    const encode = (name: string) =>
      Buffer.concat(
        [...name.matchAll(/\ufffd([0-9A-F]{2})|[^\ufffd]+/gu)].map(([text, hex]) =>
          hex === undefined ? Buffer.from(text) : Buffer.from(hex, 'hex'),
        ),
      )
    const odd = fc.constantFrom(0xff, 0xfe, 0xe9, 0xc3, 0xa9, 0xed, 0xa0, 0x80, 0xef, 0xbf, 0xbd, 0xf0, 0x45, 0x39)
    fc.assert(
      fc.property(fc.array(fc.oneof(odd, fc.integer({ min: 0, max: 255 })), { maxLength: 12 }), bytes => {
        const name = decodeName(Uint8Array.from(bytes))
        expect(name.isWellFormed()).toBe(true)
        expect([...encode(name)]).toEqual(bytes)
        expect([...encodeName(name)]).toEqual(bytes)
      }),
      { numRuns: 2000 },
    )
  })
})

/** y = x W + b whose initializers have names with these bytes, each of one byte. */
function namedModel(weights: number[], bias: number[], w: number, b: number): Uint8Array<ArrayBuffer> {
  const model = linearModel(weights, bias, ({ graph }) => {
    graph.node = [
      { name: 'multiply', opType: 'MatMul', input: ['x', 'n\u0001'], output: ['product'] },
      { name: 'add', opType: 'Add', input: ['product', 'n\u0002'], output: ['y'] },
    ]
    graph.initializer = [float32Tensor('n\u0001', [2, 2], weights), float32Tensor('n\u0002', [2], bias)]
  })
  const bytes = Buffer.from(model)
  for (const [from, to] of [
    [1, w],
    [2, b],
  ] as const) {
    const pattern = Buffer.from([2, 'n'.charCodeAt(0), from])
    for (let at = bytes.indexOf(pattern); at >= 0; at = bytes.indexOf(pattern, at + 1)) bytes[at + 2] = to
  }
  return Uint8Array.from(bytes)
}

describe('names that are not UTF-8', () => {
  // Readers that drop or replace such bytes take both for one name.
  const model = (scale: number) =>
    namedModel([1 * scale, 2 * scale, 3 * scale, 4 * scale], [5 * scale, 6 * scale], 0x80, 0x81)

  test('stay apart: in the list of tensors and in the network', () => {
    expect(readLayout(memorySource(model(1))).tensors.map(({ name }) => name)).toEqual(['n\ufffd80', 'n\ufffd81'])
    const { leaves } = networkOfBytes(model(1))
    expect(leaves.map(({ name }) => name).sort()).toEqual(['n\ufffd80', 'n\ufffd81'])
  })

  test('are carried into the soup as they are', () => {
    const soup = soupInMemory(
      [
        { bytes: model(1), weight: 1 },
        { bytes: model(3), weight: 1 },
      ],
      { provenance: false },
    )
    expect(Buffer.from(soup).equals(Buffer.from(model(2)))).toBe(true)
  })
})
