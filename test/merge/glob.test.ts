import fc from 'fast-check'
import { expect, test } from 'vitest'
import { matchesGlob } from '../../src/merge/glob.ts'

test.each([
  ['*', '', true],
  ['*', 'encoder/layer.0/weight', true],
  ['encoder.*', 'encoder.layers.0.weight', true],
  ['encoder.*', 'encoder', false],
  ['*.weight', '/conv1/Conv.weight', true],
  ['*.weight', '/conv1/Conv.bias', false],
  ['f?.weight', 'f1.weight', true],
  ['f?.weight', 'f10.weight', false],
  ['f?.weight', 'f.weight', false],
  ['a*b*c', 'a1b2b3c', true],
  ['a*b*c', 'a1b2b3', false],
  ['**', 'x', true],
  ['', '', true],
  ['', 'x', false],
  ['onnx::MatMul_[12]', 'onnx::MatMul_[12]', true],
  ['a.c', 'abc', false],
])('%s on %s: %s', (glob, name, expected) => {
  expect(matchesGlob(glob, name)).toBe(expected)
})

test('agrees with a regular expression made of the glob', () => {
  const letters = fc.string({ unit: fc.constantFrom('a', 'b', '*', '?', '.', '/'), maxLength: 8 })
  const names = fc.string({ unit: fc.constantFrom('a', 'b', '.', '/'), maxLength: 12 })
  fc.assert(
    fc.property(letters, names, (glob, name) => {
      const pattern = [...glob].map(c => (c === '*' ? '[^]*' : c === '?' ? '[^]' : c.replace(/[./]/, '\\$&'))).join('')
      expect(matchesGlob(glob, name)).toBe(new RegExp(`^${pattern}$`).test(name))
    }),
  )
})

test('a pattern that would keep a regular expression busy for ever is done at once', () => {
  expect(matchesGlob(`${'*a'.repeat(99)}b`, 'a'.repeat(60_000))).toBe(false)
})
