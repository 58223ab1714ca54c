/** Levels of nested lists and objects that are divided into pieces. Values below them are small. */
const dividedLevels = 4

/** Most entries, at all divided levels together, of a value that is written as a whole. */
const mostWhole = 64

/** Characters of one piece. A message of this size between threads blocks neither of them for long. */
const pieceCharacters = 250_000

/**
 * Yields the JSON text of a value in pieces of about `characters` characters. It makes each piece on request, since the whole text of a large
 * value would block the event loop.
 * @param value a JSON value, without cycles and without objects that have a `toJSON`
 */
export function* jsonPieces(value: unknown, characters = pieceCharacters): Generator<string> {
  let piece = ''
  for (const token of tokens(value, dividedLevels)) {
    piece += token
    if (piece.length < characters) continue
    yield piece
    piece = ''
  }
  if (piece !== '') yield piece
}

function* tokens(value: unknown, levels: number): Generator<string> {
  // One call writes a small value in a tenth of the time.
  if (typeof value !== 'object' || value === null || countEntries(value, levels, mostWhole) <= mostWhole)
    yield JSON.stringify(value) ?? 'null'
  else if (Array.isArray(value)) yield* listTokens(value, levels)
  else yield* objectTokens(value, levels)
}

/** Returns the number of entries of a value at these levels together, or a number above `most`. */
function countEntries(value: unknown, levels: number, most: number): number {
  if (levels === 0 || typeof value !== 'object' || value === null) return 0
  let count = 0
  for (const each of Array.isArray(value) ? value : Object.values(value)) {
    count += 1 + countEntries(each, levels - 1, most - count)
    if (count > most) break
  }
  return count
}

function* listTokens(list: readonly unknown[], levels: number): Generator<string> {
  let before = '['
  for (const each of list) {
    yield before
    yield* tokens(each, levels - 1)
    before = ','
  }
  yield before === '[' ? '[]' : ']'
}

function* objectTokens(object: object, levels: number): Generator<string> {
  let before = '{'
  for (const [key, each] of Object.entries(object)) {
    if (each === undefined) continue
    yield `${before}${JSON.stringify(key)}:`
    yield* tokens(each, levels - 1)
    before = ','
  }
  yield before === '{' ? '{}' : '}'
}
