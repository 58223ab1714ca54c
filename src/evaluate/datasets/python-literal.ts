import { datasetLimits } from './dataset-limits.ts'

/** A value of the Python literals that npy headers use. Dicts have string keys. */
export type PythonLiteral =
  | string
  | number
  | boolean
  | null
  | { form: 'tuple' | 'list'; items: PythonLiteral[] }
  | Map<string, PythonLiteral>

type LiteralToken = { mark: string } | { value: string | number | boolean | null } | null

/** Pattern of one token. Python 2 wrote long integers with a final L and texts with a u in front, which NumPy still reads. */
const tokenPattern =
  /[ \t\r\n]*(?:([{}[\](),:])|(?:u?'((?:[^'\\]|\\.)*)'|u?"((?:[^"\\]|\\.)*)")|(-?\d+)L?|([A-Z][a-z]+)|($))/suy

const words = new Map([
  ['True', true],
  ['False', false],
  ['None', null],
])

/**
 * Parses a Python literal of dicts, tuples, lists, strings, integers, bools and None, without evaluating code. Of an escape in a string it
 * keeps only the letter: in npy headers, only field names of structured types can have escapes.
 * @throws SyntaxError for anything else
 */
export function parsePythonLiteral(text: string): PythonLiteral {
  const pattern = new RegExp(tokenPattern)
  let token = nextToken(pattern, text)
  const advance = () => {
    token = nextToken(pattern, text)
  }
  const isMark = (mark: string) => token !== null && 'mark' in token && token.mark === mark
  const take = (mark: string): boolean => {
    const found = isMark(mark)
    if (found) advance()
    return found
  }
  const expect = (mark: string) => {
    if (!take(mark)) throw new SyntaxError(`${mark} is missing`)
  }

  const parseItems = (close: string, depth: number): { items: PythonLiteral[]; commas: number } => {
    const items: PythonLiteral[] = []
    let commas = 0
    while (!take(close)) {
      if (items.length > commas) throw new SyntaxError(`a comma or ${close} is missing`)
      items.push(parseValue(depth))
      if (take(',')) commas += 1
    }
    return { items, commas }
  }

  const parseDict = (depth: number): Map<string, PythonLiteral> => {
    const entries = new Map<string, PythonLiteral>()
    while (!take('}')) {
      const key = parseValue(depth)
      if (typeof key !== 'string') throw new SyntaxError('a key is not a string')
      if (entries.has(key)) throw new SyntaxError(`the key ${key} is there twice`)
      expect(':')
      entries.set(key, parseValue(depth))
      if (!take(',') && !isMark('}')) throw new SyntaxError('a comma or } is missing')
    }
    return entries
  }

  const parseValue = (depth: number): PythonLiteral => {
    if (depth > datasetLimits.literalDepth) throw new SyntaxError('it is nested too deep')
    if (token !== null && 'value' in token) {
      const { value } = token
      advance()
      return value
    }
    if (take('{')) return parseDict(depth + 1)
    if (take('[')) return { form: 'list', items: parseItems(']', depth + 1).items }
    if (take('(')) {
      const { items, commas } = parseItems(')', depth + 1)
      const [only] = items
      return items.length === 1 && commas === 0 && only !== undefined ? only : { form: 'tuple', items }
    }
    throw new SyntaxError('a value is missing')
  }

  const value = parseValue(0)
  if (token !== null) throw new SyntaxError('something follows the value')
  return value
}

function nextToken(pattern: RegExp, text: string): LiteralToken {
  const match = pattern.exec(text)
  if (!match) throw new SyntaxError('it holds something that is not a literal')
  const [, mark, single, double, digits, word] = match
  if (mark !== undefined) return { mark }
  if (digits !== undefined) return { value: Number(digits) }
  const string = single ?? double
  if (string !== undefined) return { value: string.replace(/\\(.)/gsu, '$1') }
  if (word === undefined) return null
  const value = words.get(word)
  if (value === undefined) throw new SyntaxError(`${word} is not a literal`)
  return { value }
}
