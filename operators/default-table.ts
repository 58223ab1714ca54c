import type { AttributeDefault, DefaultTable } from '../src/onnx/graph/default-table.ts'
import type { DocumentedAttribute, DocumentedOperator } from './read-changelog.ts'

/**
 * The defaults of the attributes of one domain. Attributes and operators without defaults are left out, as are versions that change none.
 *
 * @throws Error for a default in an unknown form
 */
export function defaultTable(operators: readonly DocumentedOperator[]): DefaultTable {
  const table: Record<string, DefaultTable[string]> = {}
  for (const [opType, versions] of Map.groupBy(operators, operator => operator.opType)) {
    const listed = versions.flatMap(({ since, attributes }) => attributes.map(attribute => ({ since, attribute })))
    const histories = [...Map.groupBy(listed, ({ attribute }) => attribute.name)].flatMap(([name, mentions]) => {
      const history: [since: number, value: AttributeDefault | null][] = []
      for (const { since, attribute } of mentions.sort((a, b) => a.since - b.since)) {
        const value = defaultValue(opType, attribute)
        if (JSON.stringify(value) !== JSON.stringify(history.at(-1)?.[1])) history.push([since, value])
      }
      return history.some(([, value]) => value !== null) ? [[name, Object.fromEntries(history)] as const] : []
    })
    histories.sort(([a], [b]) => (a < b ? -1 : 1))
    if (histories.length > 0) table[opType] = Object.fromEntries(histories)
  }
  return table
}

function defaultValue(opType: string, { name, type, default: text }: DocumentedAttribute): AttributeDefault | null {
  if (text === undefined) return null
  const items = [...text.matchAll(/'([^']*)'/g)].map(([, item = '']) => item)
  switch (type) {
    case 'int':
      return { i: numberIn(text) }
    case 'float':
      // Long numbers stand in parentheses.
      return { f: numberIn(text.replace(/^\((.*)\)$/, '$1')) }
    case 'string':
      return { s: text }
    case 'list of ints':
      return { ints: items.map(numberIn) }
    case 'list of strings':
      return { strings: items }
    default:
      throw new Error(
        `Attribute ${name} of ${opType} is a ${type} with the default ${text}. Expected an int, a float, a string, or a list of ints or strings. Add the type to operators/default-table.ts.`,
      )
  }
}

/** @throws Error if the text is no number */
function numberIn(text: string): number {
  const number = Number(text)
  if (text.trim() !== '' && Number.isFinite(number)) return number
  throw new Error(`A default is "${text}". Expected a number. Adapt operators/default-table.ts to this form.`)
}
