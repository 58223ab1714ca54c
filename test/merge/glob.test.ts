import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { matchesGlob, nameMatcher } from '../../src/merge/glob.ts'

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

describe('of names of tensors and nodes', () => {
  test.each([
    ['layers.*', '/layers/0/linear1/MatMul', true],
    ['layers.0.linear1*', '/layers/0/linear1/MatMul', true],
    ['/layers/0/*', 'layers.0.weight', true],
    ['layers/0/weight', 'layers.0.weight', true],
    ['*/layers/*', '/layers/0/MatMul', true],
    ['*.layers.*', '/layers/0/MatMul', true],
    ['layers.1*', '/layers/0/linear1/MatMul', false],
    ['layers:0', 'layers/0', false],
  ])('%s on %s: %s', (glob, name, expected) => {
    expect(nameMatcher(glob)(name)).toBe(expected)
  })

  test('property: a name that a glob matches as it is written is matched', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b', '.', '/', '*', '?'), maxLength: 8 })
    fc.assert(
      fc.property(text, text, (glob, name) => {
        fc.pre(matchesGlob(glob, name))
        expect(nameMatcher(glob)(name)).toBe(true)
      }),
    )
  })

  test('property: dots for slashes, and a slash in front, change nothing', () => {
    const unit = (some: string[]) => fc.string({ unit: fc.constantFrom(...some), maxLength: 8 })
    fc.assert(
      fc.property(unit(['a', 'b', '.', '*', '?']), unit(['a', 'b', '.']), (glob, name) => {
        const expected = matchesGlob(glob, name)
        for (const spelling of [glob, glob.replaceAll('.', '/')])
          for (const each of [name, name.replaceAll('.', '/')])
            if (!each.startsWith('/') && !spelling.startsWith('/')) {
              expect(nameMatcher(spelling)(each)).toBe(expected)
              if (expected) expect(nameMatcher(`/${spelling}`)(`/${each}`)).toBe(true)
            }
      }),
    )
  })
})
