import { describe, expect, it } from 'vitest'
import { readYaml } from '../../src/merge/recipe-yaml.ts'

describe('maps that << brings together', () => {
  it('have their own keys first, then those of earlier maps, at any depth', () => {
    const text = `
a: &a {x: 1, y: 2}
b: &b {y: 3, z: 4}
c: {<<: [*a, *b], z: 5}
d: [{<<: *b}]
e: {<<: {<<: *a, x: 6}}`
    expect(readYaml(text)).toMatchObject({
      c: { x: 1, y: 2, z: 5 },
      d: [{ y: 3, z: 4 }],
      e: { x: 6, y: 2 },
    })
  })

  it('leave nothing of << behind', () => {
    expect(readYaml('a: &a {x: 1}\nb: {<<: *a}')).toEqual({ a: { x: 1 }, b: { x: 1 } })
  })
})

describe('a document is refused, with what is the matter:', () => {
  const many = (from: string, to: string) => `${to}: &${to} {<<: [${Array(10).fill(`*${from}`).join(', ')}]}\n`
  it.each([
    ['several documents', 'a: 1\n---\nb: 2\n', /several documents; send one/],
    ['a key twice', 'a: 1\na: 2', /key a occurs twice/],
    ['<< of no map', 'a: &a 1\nb: {<<: *a}', /other than a map/],
    [
      'maps that grow by <<',
      `a: &a {x: 1}\n${[...'bcdefghi'].map((to, at) => many('abcdefghi'[at] ?? '', to)).join('')}`,
      /alias/i,
    ],
  ])('%s', (_, text, detail) => {
    expect(() => readYaml(text)).toThrow(
      expect.objectContaining({ code: 'TUREEN_BODY_MALFORMED', message: expect.stringMatching(detail) }),
    )
  })
})
