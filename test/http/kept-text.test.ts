import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { keptAt } from '../../src/http/api-document/kept-text.ts'
import { temporaryDirectory } from '../support/server.ts'

let directory: Awaited<ReturnType<typeof temporaryDirectory>>
let path: string
beforeEach(async () => {
  directory = await temporaryDirectory()
  path = join(directory.path, 'text.json')
})
afterEach(() => directory.remove())

const never = () => {
  throw new Error('the text was made again')
}

test('a text is made once for each subject, and no other file is left', () => {
  expect(keptAt(path, 'first', () => 'A\nnaïve')).toBe('A\nnaïve')
  expect(keptAt(path, 'first', never)).toBe('A\nnaïve')
  expect(keptAt(path, 'second', () => 'B')).toBe('B')
  expect(keptAt(path, 'second', never)).toBe('B')
  expect(keptAt(path, 'first', () => 'C')).toBe('C')
  expect(readdirSync(directory.path)).toEqual(['text.json'])
})

test.each([
  ['is cut off', (content: Buffer) => content.subarray(0, -1)],
  ['is empty', () => Buffer.alloc(0)],
  ['ends in zeros', (content: Buffer) => content.fill(0, content.length - 3)],
  ['has another byte', (content: Buffer) => content.fill('?', content.length - 2, content.length - 1)],
])('a kept file that %s is not used', (_, damage) => {
  keptAt(path, 'subject', () => 'the text')
  writeFileSync(path, damage(readFileSync(path)))
  expect(keptAt(path, 'subject', () => 'made again')).toBe('made again')
  expect(keptAt(path, 'subject', never)).toBe('made again')
})

test('a text that cannot be kept is made each time', () => {
  const nowhere = join(directory.path, 'nowhere', 'text.json')
  expect([keptAt(nowhere, 'subject', () => 'once'), keptAt(nowhere, 'subject', () => 'twice')]).toEqual([
    'once',
    'twice',
  ])
})
