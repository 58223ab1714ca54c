import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { npyElement, numericTypes } from '../../../src/evaluate/datasets/npy-element.ts'
import { fixture } from './dataset-fixtures.ts'

/** The code that NumPy gives each text, such as `<f4` for `float32`; null if it refuses the text. */
const descrs: Record<string, string | null> = JSON.parse(readFileSync(fixture('descrs.json').path, 'utf8'))

/** The element type of a code with byte order and size, by NumPy's documentation of them; undefined for types that are not read. */
function elementOf(code: string | null): unknown {
  const [, order, kind = '', size = ''] = /^([<>|])([a-zA-Z])(\d+)$/.exec(code ?? '') ?? []
  const number = numericTypes.get(kind + size)
  if (number) return { ...number, swap: order === '>' ? number.bytes : 1, text: null }
  if (Number(size) === 0 || !/^[US]$/.test(kind)) return undefined
  return kind === 'U'
    ? { dtype: 'string', bytes: 4 * Number(size), swap: order === '>' ? 4 : 1, text: 'utf32' }
    : { dtype: 'string', bytes: Number(size), swap: 1, text: 'utf8' }
}

function read(descr: string): unknown {
  try {
    return npyElement(descr, 'x')
  } catch {
    return undefined
  }
}

test('a type is read as numpy.dtype reads its text', () => {
  const different = Object.entries(descrs).filter(
    ([descr, code]) => JSON.stringify(read(descr)) !== JSON.stringify(elementOf(code)),
  )
  expect(different.map(([descr, code]) => ({ descr, numpy: code, ours: read(descr) }))).toEqual([])
  expect(Object.keys(descrs).length).toBeGreaterThan(300)
  expect(Object.values(descrs).filter(code => elementOf(code) !== undefined).length).toBeGreaterThan(150)
})
