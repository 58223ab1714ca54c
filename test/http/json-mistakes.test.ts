import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { jsonMistake } from '../../src/validation/json-mistake.ts'
import { readProblem } from '../support/http-client.ts'
import { startApp } from '../support/server.ts'

let app: Awaited<ReturnType<typeof startApp>>
beforeAll(async () => {
  app = await startApp()
})
afterAll(() => app.close())

function mistakeIn(text: string) {
  try {
    JSON.parse(text)
  } catch (error) {
    return jsonMistake(text, error)
  }
  throw new Error(`${text} is JSON`)
}

describe('the first mistake in JSON has a line and a column', () => {
  // Places as Python's json module names them.
  test.each([
    ['{"a": }', 1, 7],
    ['{"a": 1,}', 1, 9],
    ['{"a": 1,\n "b": 2,\n}', 3, 1],
    ['[1,\n2,\n]', 3, 1],
    ['[1,,2]', 1, 4],
    ['{"a" 1}', 1, 6],
    ['{a: 1}', 1, 2],
    ["{'a': 1}", 1, 2],
    ['{"models": [\n  {"id": undefined}\n]}', 2, 10],
    ['{"models": [\r\n  {"id": True}\r\n]}', 2, 10],
    ['{"a": "x\\": y", "b": None}', 1, 22],
    ['{"a":1 "b":2}', 1, 8],
    ['{} x', 1, 4],
    ['{"a": [1, 2', 1, 12],
    ['{"a":\n', 2, 1],
    ['{"a": {"b": :}}', 1, 13],
    ['[[], ]', 1, 6],
    ['// a comment\n{}', 1, 1],
    ['undefined', 1, 1],
  ])('%j', (text, line, column) => {
    expect(mistakeIn(text)).toMatchObject({ line, column })
  })

  test.each([
    ['nul', 'Unexpected end'],
    ['[1,]', "Unexpected token ']'"],
    ['{"a": "€ x', 'Unterminated string'],
    ['undefined', 'Unexpected text'],
    ['[1 2]', "Expected ',' or ']' after array element"],
  ])('with a reason that repeats nothing of the text: %j', (text, reason) => {
    expect(mistakeIn(text).reason).toBe(reason)
  })

  test('wherever a value is spoilt', () => {
    const document = fc.jsonValue({ maxDepth: 3 })
    const spoilt = fc.constantFrom('oops', 'NaN', 'undefined', "'text'", '+1', '/* */', '}', ',')
    fc.assert(
      fc.property(document, document, spoilt, (before, after, wrong) => {
        const text = JSON.stringify({ before, mark: ['here'], after }, null, 2).replace('"here"', wrong)
        const lines = text.split('\n')
        const line = lines.findIndex(each => /^ {2}"mark": \[$/.test(each)) + 2
        fc.pre(!JSON.stringify(before).includes('mark') && !JSON.stringify(before).includes('here'))
        expect(mistakeIn(text)).toMatchObject({ line, column: 5 })
      }),
      { numRuns: 200 },
    )
  })

  test('in the refusal of a body', async () => {
    const response = await fetch(`${app.url}/v1/merges`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{\n  "models": [{"id": nan}]\n}',
    })
    const { detail, errors } = await readProblem(response, 400, 'TUREEN_BODY_MALFORMED')
    expect(detail).toContain('line 2, column 21')
    expect(detail).not.toMatch(/position|\n/)
    expect(errors).toMatchObject([{ field: 'body', expected: 'JSON', actual: 'line 2, column 21' }])
  })
})
