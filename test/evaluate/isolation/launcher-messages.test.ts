import { expect, test } from 'vitest'
import {
  encodeLauncherMessage,
  type LauncherMessage,
  launcherMessageReader,
} from '../../../src/evaluate/isolation/launcher-messages.ts'

const messages: LauncherMessage[] = [
  { kind: 1, id: 7, words: [60, 0, 0, 0], text: '/data/evaluator/ä\0script.ts\0' },
  { kind: 4, id: 0xffffffff, words: [0, 1, 2, 0xffffffff], text: '' },
]

test('a message has its length, kind, evaluator, four words and text in little endian, as the launcher reads them', () => {
  const [first] = messages
  const bytes = first && encodeLauncherMessage({ ...first, text: 'é' })
  const words = [26, 1, 7, 60, 0, 0, 0].flatMap(word => [word, 0, 0, 0])
  expect([...(bytes ?? [])]).toEqual([...words, 0xc3, 0xa9])
})

test.each([1, 3, 28, 1000])('messages are read whole from pieces of %s bytes', size => {
  const bytes = Buffer.concat(messages.map(encodeLauncherMessage))
  const read = launcherMessageReader()
  const pieces = Array.from({ length: Math.ceil(bytes.byteLength / size) }, (_, index) =>
    bytes.subarray(index * size, (index + 1) * size),
  )
  expect(pieces.flatMap(read)).toEqual(messages)
})
