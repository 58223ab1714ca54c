import { TureenError } from '../errors.ts'

/** Most levels of nested lists and objects. The deepest request of the API has 8. */
const maximumDepth = 64

/** Most values in one text, lists and objects included, where a route takes no more. Each takes the event loop about a microsecond to read and check. */
export const maximumValues = 30_000

const [quote, backslash, comma] = ['"', '\\', ','].map(each => each.charCodeAt(0))
/** Brackets have greater codes than spaces and digits. */
const leastBracket = '['.charCodeAt(0)
const opening = new Set(['[', '{'].map(each => each.charCodeAt(0)))
const closing = new Set([']', '}'].map(each => each.charCodeAt(0)))

/**
 * Refuses JSON that would take long to parse. It makes one pass over the text, before the parse; the text need not be valid JSON.
 * @param mostValues most values, lists and objects included
 * @throws TureenError `TUREEN_BODY_MALFORMED` if it is nested too deep, `TUREEN_TOO_LARGE` if it has too many values
 */
export function requireBoundedJson(text: string, mostValues: number = maximumValues): void {
  let depth = 0
  let values = 1
  for (let at = 0; at < text.length; at += 1) {
    const character = text.charCodeAt(at)
    if (character === quote) at = endOfString(text, at)
    else if (character === comma) values += 1
    else if (character < leastBracket) continue
    else if (closing.has(character)) depth -= 1
    else if (opening.has(character)) {
      depth += 1
      values += 1
      if (depth > maximumDepth) throw tooDeep(at)
    }
  }
  requireFewValues(values, mostValues)
}

/**
 * Refuses a parsed value that {@link requireBoundedJson} would refuse as JSON. Other formats, such as YAML, are bounded with it.
 * @throws TureenError `TUREEN_BODY_MALFORMED` if it is nested too deep, `TUREEN_TOO_LARGE` if it has too many values
 */
export function requireBoundedValue(value: unknown): void {
  let values = 0
  let level = [value]
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > maximumDepth) throw tooDeep()
    values += level.length
    requireFewValues(values, maximumValues)
    level = level.flatMap(each => (typeof each === 'object' && each !== null ? Object.values(each) : []))
  }
}

/** Returns the index of the quote that ends the string at `start`; the length of the text if there is none. */
export function endOfString(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at += 1) {
    const character = text.charCodeAt(at)
    if (character === quote) return at
    if (character === backslash) at += 1
  }
  return text.length
}

function tooDeep(at?: number): TureenError {
  const place = at === undefined ? '' : ` (character ${at} opens one more)`
  const message = `nests lists and objects deeper than ${maximumDepth} levels${place}`
  return new TureenError('TUREEN_BODY_MALFORMED', `The body ${message}. Send a flatter one.`, [
    { field: 'body', expected: `${maximumDepth} levels at most`, message },
  ])
}

function requireFewValues(values: number, most: number): void {
  if (values <= most) return
  const limit = `${most.toLocaleString('en')} values`
  const message = `has more than ${limit}, lists and objects included`
  throw new TureenError('TUREEN_TOO_LARGE', `The body ${message}. Send fewer.`, [
    { field: 'body', expected: `${limit} at most`, message },
  ])
}
