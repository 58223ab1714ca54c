import { endOfString } from './bounded-json.ts'

/** The first mistake in a text that is not JSON. `line` and `column` count from 1. */
export type JsonMistake = { reason: string; line: number; column: number }

/** Returns the first mistake in a text. @param error the error of `JSON.parse` for it */
export function jsonMistake(text: string, error: unknown): JsonMistake {
  const said = error instanceof Error ? error.message : String(error)
  const offset = offsetOf(said) ?? (/^Unexpected end/.test(said) ? text.length : unexpectedValue(text))
  const before = text.slice(0, offset)
  const start = before.lastIndexOf('\n') + 1
  return { reason: reasonIn(said), line: before.split('\n').length, column: offset - start + 1 }
}

/** Returns the offset that the engine's message names. It names none for a text that ends early, or in place of a value. */
function offsetOf(message: string): number | undefined {
  const place = / at position (\d+)/.exec(message)?.[1]
  return place === undefined ? undefined : Number(place)
}

/** Returns the engine's message without the place, and without its excerpt of the text. */
function reasonIn(message: string): string {
  const reason = message.replace(/ (in|after) JSON at position .*$/s, '').replace(/ of JSON input$/, '')
  return /^(Unexpected token '.')/su.exec(reason)?.[1] ?? reason.replace(/^".*" is not valid JSON$/s, 'Unexpected text')
}

const literal = /-?\d[\d.eE+-]*|true|false|null/y

const space = /[ \t\r\n]+/y

/** Returns the offset of the first token that stands in place of a value. The text before it must be JSON. */
function unexpectedValue(text: string): number {
  let wantsValue = true
  let isFirst = false
  for (let at = 0; at < text.length; at += 1) {
    // All of a long space at once: a loop over its characters would take ten times as long.
    space.lastIndex = at
    if (space.test(text)) at = space.lastIndex
    const character = text.charAt(at)
    if (character === '') break
    literal.lastIndex = at
    if (character === '"') at = endOfString(text, at)
    else if (literal.test(text)) at = literal.lastIndex - 1
    else if (!'[]{},:'.includes(character)) return at
    else if (wantsValue && !'[{'.includes(character) && !(isFirst && character === ']')) return at
    isFirst = character === '['
    wantsValue = ':,['.includes(character)
  }
  return text.length
}
