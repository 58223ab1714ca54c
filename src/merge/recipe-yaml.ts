import { isScalar, parseDocument, stringify, visit } from 'yaml'
import { TureenError } from '../errors.ts'

export const yamlMediaType = 'application/yaml'

/** The parser takes some hundred nanoseconds a byte: beyond this, JSON does better. */
const maximumCharacters = 128 * 1024

/** How often aliases may repeat what stands behind an anchor; without a bound some lines expand to gigabytes. */
const maximumAliases = 16

/**
 * A YAML document as plain values, by YAML 1.2's core schema, and `<<` as 1.1 has it. To be run beside the event loop.
 * @throws TureenError `TUREEN_TOO_LARGE`, `TUREEN_BODY_MALFORMED` with the reason and its line
 */
export function readYaml(text: string): unknown {
  if (text.length > maximumCharacters)
    throw new TureenError('TUREEN_TOO_LARGE', 'A recipe in YAML may have 128 KiB at most; send a larger one as JSON.')
  try {
    // The parser's own check for repeated keys compares each with all others.
    const document = parseDocument(text, { uniqueKeys: false, logLevel: 'error' })
    const [problem] = [...document.errors, ...document.warnings]
    if (problem?.code === 'MULTIPLE_DOCS') throw malformed('there are several documents; send one')
    if (problem) throw malformed(problem.message)
    visit(document, {
      Map(_, { items }) {
        const keys = new Set<string>()
        for (const { key } of items) {
          if (!isScalar(key)) continue
          const text = String(key.value)
          if (keys.has(text)) throw malformed(`the key ${text} stands there twice`)
          keys.add(text)
        }
      },
    })
    return merged(document.toJS({ maxAliasCount: maximumAliases }))
  } catch (error) {
    if (error instanceof TureenError) throw error
    // Nesting that ends the stack, and more aliases than are allowed.
    throw malformed(error instanceof Error ? error.message : String(error))
  }
}

/**
 * Values in which `<<` has brought the keys of other maps that are not there. The parser's own way of doing that does not count how often
 * it follows aliases.
 */
function merged(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(merged)
  if (typeof value !== 'object' || value === null) return value
  const own = Object.entries(value).map(([key, each]): [string, unknown] => [key, merged(each)])
  const sources = own.filter(([key]) => key === '<<').flatMap(([, each]) => each)
  const foreign = sources.reverse().flatMap(source => {
    if (typeof source === 'object' && source !== null && !Array.isArray(source)) return Object.entries(source)
    throw malformed('<< stands before what is no map')
  })
  return Object.fromEntries([...foreign, ...own.filter(([key]) => key !== '<<')])
}

export function writeYaml(recipe: unknown): string {
  return stringify(recipe)
}

function malformed(reason: string): TureenError {
  return new TureenError('TUREEN_BODY_MALFORMED', `The recipe is not YAML that is read here: ${reason}.`)
}
