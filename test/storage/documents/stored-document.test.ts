import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { parseKnown } from '../../../src/storage/documents/known-fields.ts'
import {
  type DocumentKind,
  isNewer,
  NewerDocument,
  openDocument,
  readDocument,
  writeDocument,
} from '../../../src/storage/documents/stored-document.ts'

const first: DocumentKind = { name: 'recipe', upgrades: [] }
const third: DocumentKind = {
  name: 'recipe',
  upgrades: [older => ({ ...older, second: true }), older => ({ ...older, third: true })],
}

describe('a stored document', () => {
  test('of version 1 is written as it was before documents had versions', () => {
    expect(writeDocument(first, { a: 1 })).toBe('{"a":1}')
    expect(openDocument(first, '{"a":1}')).toEqual({ a: 1 })
  })

  test('of an older version goes through every later upgrade when it is read', () => {
    expect(openDocument(third, '{"a":1}')).toEqual({ a: 1, second: true, third: true })
    expect(openDocument(third, '{"documentVersion":2,"a":1}')).toEqual({ a: 1, third: true })
  })

  test('of the present version is read as it was written, without its version', () => {
    const text = writeDocument(third, { a: 1 })
    expect(JSON.parse(text)).toEqual({ documentVersion: 3, a: 1 })
    expect(openDocument(third, text)).toEqual({ a: 1 })
  })

  test('of a newer version is told apart from damage, also by its beginning', () => {
    const text = writeDocument(third, { a: 'x'.repeat(100) })
    expect(() => openDocument(first, text)).toThrow(NewerDocument)
    expect(() => openDocument(first, text)).toThrow(
      /^its recipe was written by a newer version of Tureen \(document version 3; this version knows 1\)$/,
    )
    expect([isNewer(first, text.slice(0, 40)), isNewer(third, text.slice(0, 40))]).toEqual([true, false])
    expect(isNewer(first, '{"a":{"documentVersion":2}}')).toBe(false)
  })

  test.each([
    '',
    '{',
    '7',
    'null',
    '[]',
    '{"documentVersion":0}',
    '{"documentVersion":"2"}',
    '{"documentVersion":1.5}',
  ])('that is damaged to %j is no document of a newer version', text => {
    const read = () => openDocument(first, text)
    expect(read).toThrow(/^its recipe /)
    expect(read).not.toThrow(NewerDocument)
  })

  test('that its schema refuses names the field', () => {
    const schema = z.object({ models: z.array(z.object({ id: z.string() })) })
    expect(() => readDocument(first, schema, '{"models":[{"id":7}]}')).toThrow(
      /^its recipe\.models\.0\.id is not valid/,
    )
  })
})

describe('unknown fields', () => {
  const point = z.strictObject({ x: z.number() })
  const schema = z.strictObject({
    points: z.array(point),
    either: z.union([z.strictObject({ a: z.string() }), z.strictObject({ b: z.string(), c: z.string() })]),
    named: z.discriminatedUnion('kind', [
      z.strictObject({ kind: z.literal('p'), point }),
      z.strictObject({ kind: z.literal('q') }),
    ]),
    map: z.record(z.string(), point),
  })
  const known = {
    points: [{ x: 1 }, { x: 2 }],
    either: { b: 'b', c: 'c' },
    named: { kind: 'p', point: { x: 3 } },
    map: { m: { x: 4 } },
  }

  test('are ignored everywhere in a strict schema: in lists, unions and maps', () => {
    const value = {
      ...known,
      new: 1,
      points: [{ x: 1, y: 2 }, { x: 2 }],
      either: { b: 'b', c: 'c', d: 'd' },
      named: { kind: 'p', point: { x: 3, y: 4 }, z: 5 },
      map: { m: { x: 4, y: null } },
    }
    const before = structuredClone(value)
    expect(parseKnown(schema, value)).toEqual(known)
    expect(value).toEqual(before)
  })

  test('do not hide a field that is not valid', () => {
    expect(() => parseKnown(schema, { ...known, new: 1, points: [{ x: '1', y: 2 }] })).toThrow(z.ZodError)
  })

  test('do not hide that the whole is not valid', () => {
    const even = z.strictObject({ a: z.number() }).refine(({ a }) => a % 2 === 0)
    expect(parseKnown(even, { a: 2, b: 1 })).toEqual({ a: 2 })
    expect(() => parseKnown(even, { a: 1, b: 1 })).toThrow(z.ZodError)
  })
})
