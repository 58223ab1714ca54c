import { Piscina } from 'piscina'
import { describe, expect, test } from 'vitest'
import { TureenError } from '../../src/errors.ts'
import { jsonBytes, textOf } from '../../src/threads/text-pieces.ts'
import { movingTask } from '../../src/threads/timed-task.ts'

describe('a text in pieces', () => {
  const value = { list: Array.from({ length: 40_000 }, (_, index) => `№ ${index} — 🍲 \ud800`) }

  test('is read back as it was, whatever characters stand at the ends of pieces', () => {
    const pieces = jsonBytes(value)
    expect(pieces.length).toBeGreaterThan(2)
    expect([...textOf(pieces)].join('')).toBe(JSON.stringify(value))
  })

  test('has memory of its own for each piece, and frees it as soon as the piece is read', () => {
    const pieces = jsonBytes(value)
    expect(new Set(pieces.map(({ buffer }) => buffer)).size).toBe(pieces.length)
    for (const piece of pieces) expect(piece.buffer.byteLength).toBe(piece.byteLength)
    const texts = textOf(pieces)
    texts.next()
    expect(pieces.map(({ byteLength }) => byteLength === 0)).toEqual(pieces.map((_, index) => index === 0))
  })
})

describe('a task that moves its result', () => {
  const started = new SharedArrayBuffer(8)
  const task = movingTask(
    (bytes: number) => {
      if (bytes > 0) return new Uint8Array(bytes)
      throw new TureenError('TUREEN_SHUTTING_DOWN', 'There are no bytes.')
    },
    ({ buffer }) => [buffer],
  )

  test('gives the pool its memory to transfer', async () => {
    const value = new Uint8Array(5)
    expect(await task({ task: 5, started })).toMatchObject({
      [Piscina.valueSymbol]: { ok: true, value },
      [Piscina.transferableSymbol]: [value.buffer],
    })
  })

  test('returns a refusal as every task does', async () => {
    expect(await task({ task: 0, started })).toMatchObject({ ok: false, problem: { code: 'TUREEN_SHUTTING_DOWN' } })
  })
})
