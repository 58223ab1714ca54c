import { describe, expect, test } from 'vitest'
import { npyDataOffset, parseNpyHeader } from '../../../src/evaluate/datasets/npy-header.ts'
import { parsePythonLiteral } from '../../../src/evaluate/datasets/python-literal.ts'
import { npyFile } from './zip-file.ts'

const malformed = (message: RegExp) => ({ code: 'TUREEN_DATASET_MALFORMED', message: expect.stringMatching(message) })

/** The header of an npy file with this text, for an entry of as many bytes as `dataBytes` after it. */
function parse(text: string, dataBytes: number, version = 1) {
  const file = npyFile(text, new Uint8Array(0), version)
  const offset = npyDataOffset(file.subarray(0, 12), 'x')
  expect(offset).toBe(file.byteLength)
  return parseNpyHeader(file, offset + dataBytes, 'x')
}

function thrownBy(action: () => unknown): unknown {
  try {
    action()
  } catch (error) {
    return error
  }
  throw new Error('nothing was thrown')
}

describe('headers', () => {
  test.each([1, 2, 3])('of version %i', version => {
    const header = parse("{'descr': '>f8', 'fortran_order': True, 'shape': (2, 3), }      \n", 48, version)
    expect(header.element).toEqual({ dtype: 'float64', bytes: 8, swap: 8, text: null })
    expect(header).toMatchObject({ dims: [2, 3], elements: 6, fortranOrder: true })
  })

  test.each([
    ['in another order and other quotes', `{"shape": (), "descr": "|b1", "fortran_order": False}`, []],
    ["of Python 2's long integers", "{'descr': '|b1', 'fortran_order': False, 'shape': (1L,)}", [1]],
    ['without spaces', "{'descr':'|b1','fortran_order':False,'shape':(1,)}", [1]],
    ['of native byte order', "{'descr': '=u1', 'fortran_order': False, 'shape': (1,)}", [1]],
    ['in Fortran order with one axis', "{'descr': 'u1', 'fortran_order': True, 'shape': (1,)}", [1]],
  ])('%s', (_, text, dims) => {
    expect(parse(text, 1)).toMatchObject({ dims, elements: 1, fortranOrder: false })
  })

  test.each<[string, string, RegExp]>([
    ['too few bytes', "{'descr': '<f4', 'fortran_order': False, 'shape': (3,)}", /takes 12 bytes, but holds 8/],
    ['too many bytes', "{'descr': '<f4', 'fortran_order': False, 'shape': ()}", /takes 4 bytes, but holds 8/],
    [
      'huge',
      "{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296)}",
      /more elements than can be/,
    ],
    [
      'huge but for a 0',
      "{'descr': '<f4', 'fortran_order': False, 'shape': (0, 4294967296, 4294967296)}",
      /more elements/,
    ],
    ['huge in bytes', "{'descr': '<f8', 'fortran_order': False, 'shape': (9007199254740991,)}", /more elements/],
    ['endless digits', `{'descr': '<f4', 'fortran_order': False, 'shape': (${'9'.repeat(400)},)}`, /more elements/],
    ['negative', "{'descr': '<f4', 'fortran_order': False, 'shape': (-2,)}", /not a size/],
    ['boolean', "{'descr': '<f4', 'fortran_order': False, 'shape': (True,)}", /not a size/],
    ['list', "{'descr': '<f4', 'fortran_order': False, 'shape': [2]}", /not a tuple/],
    ['no tuple', "{'descr': '<f4', 'fortran_order': False, 'shape': (2)}", /not a tuple/],
    ['no order', "{'descr': '<f4', 'shape': (2,)}", /lacks one of/],
    ['order 0', "{'descr': '<f4', 'fortran_order': 0, 'shape': (2,)}", /lacks one of/],
    ['one more key', "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), 'x': 1}", /has more than these/],
    ['a key twice', "{'descr': '<f4', 'descr': '<f8', 'fortran_order': False, 'shape': (2,)}", /descr is there twice/],
    ['a call', "{'descr': eval('1'), 'fortran_order': False, 'shape': (2,)}", /cannot be read/],
    ['arithmetic', "{'descr': '<f4', 'fortran_order': False, 'shape': (1 + 1,)}", /cannot be read/],
    ['more', "{'descr': '<f4', 'fortran_order': False, 'shape': (2,)} x", /cannot be read/],
    ['two', "{'descr': '<f4', 'fortran_order': False, 'shape': (2,)} 1", /something follows/],
    ['deep', '('.repeat(20_000), /nested too deep/],
    ['empty', '  ', /a value is missing/],
  ])('that are refused: %s', (_, text, message) => {
    expect(thrownBy(() => parse(text, 8))).toMatchObject(malformed(message))
  })

  test('with more dimensions than NumPy has', () => {
    const shape = Array.from({ length: 33 }, () => 1).join(', ')
    const text = `{'descr': '|u1', 'fortran_order': False, 'shape': (${shape})}`
    expect(thrownBy(() => parse(text, 1))).toMatchObject({ code: 'TUREEN_DATASET_UNSUPPORTED' })
  })

  test.each([
    ['of version 4', '\x93NUMPY\x04\x00\x10\x00\x00\x00', 'TUREEN_DATASET_UNSUPPORTED'],
    ['of 4 GiB', '\x93NUMPY\x02\x00\xff\xff\xff\xff', 'TUREEN_DATASET_UNSUPPORTED'],
    ['of something else', 'PK\x03\x04aaaaaaaa', 'TUREEN_DATASET_MALFORMED'],
  ])('%s are refused from their start', (_, start, code) => {
    expect(thrownBy(() => npyDataOffset(Buffer.from(start, 'latin1'), 'x'))).toMatchObject({ code })
  })
})

describe("Python's literals", () => {
  test('of every kind', () => {
    const text = ` {'a': [(1, -2), (), (3,), "it's", 'say \\'so\\''], 'b': None, 'c': True, } \n`
    const tuple = (...items: number[]) => ({ form: 'tuple', items })
    expect(parsePythonLiteral(text)).toEqual(
      new Map<string, unknown>([
        ['a', { form: 'list', items: [tuple(1, -2), tuple(), tuple(3), "it's", "say 'so'"] }],
        ['b', null],
        ['c', true],
      ]),
    )
  })
  test.each([
    '(1 2)',
    '[,]',
    '{1: 2}',
    "{'a' 1}",
    "{'a': 1 'b': 2}",
    "'open",
    '1.5',
    '0x10',
    "b'x'",
    '(1,,)',
    '{',
    ')',
  ])('and nothing else: %s', text => {
    expect(() => parsePythonLiteral(text)).toThrow(SyntaxError)
  })
})
