/** Lists and objects inside of each other that are written piece by piece; those inside of these are small. */
const dividedLevels = 4

/**
 * The JSON text of a value in pieces of about so many characters, each made when it is asked for: making the text of a large value at once
 * would hold the event loop for as long as that takes.
 * @param value of JSON: without cycles, and without objects that have a `toJSON` of their own
 */
export function* jsonPieces(value: unknown, characters: number): Generator<string> {
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
  if (levels === 0 || typeof value !== 'object' || value === null) yield JSON.stringify(value) ?? 'null'
  else if (Array.isArray(value)) yield* listTokens(value, levels)
  else yield* objectTokens(value, levels)
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
