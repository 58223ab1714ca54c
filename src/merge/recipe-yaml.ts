import { type Document, isMap, isScalar, parseDocument, stringify, visit } from 'yaml'
import { TureenError } from '../errors.ts'
import { requireKeepable } from '../received-text.ts'
import { requireBoundedJson, requireBoundedValue } from '../validation/bounded-json.ts'

/**
 * The largest recipe in YAML. The parser takes some hundred nanoseconds for each character; larger recipes should be
 * JSON.
 */
const maximumCharacters = 128 * 1024

/** The largest number of repetitions of an anchor by aliases. Without this limit, a few lines expand to gigabytes. */
const maximumAliases = 16

/**
 * Reads a YAML document as plain values, by YAML 1.2's core schema, with `<<` of 1.1. A configuration of mergekit is
 * read by YAML 1.1, as mergekit does. Call it outside of the event loop.
 * @throws TureenError `TUREEN_TOO_LARGE`, `TUREEN_BODY_MALFORMED` with the reason and its line,
 * `TUREEN_REQUEST_INVALID` as {@link requireKeepable}
 */
export function readYaml(text: string): unknown {
  if (text.length > maximumCharacters)
    throw new TureenError('TUREEN_TOO_LARGE', 'The recipe in YAML has more than 128 KiB. Send it as JSON.', [
      { field: 'body', expected: '128 KiB of YAML at most', message: 'has more than 128 KiB of YAML' },
    ])
  requireBoundedJson(text)
  try {
    // The parser's own check for repeated keys compares each key with all others.
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
          if (keys.has(text)) throw malformed(`the key ${text} occurs twice`)
          keys.add(text)
        }
      },
    })
    if (isMap(document.contents) && document.contents.has('merge_method')) readAsYaml11(document)
    const value = document.toJS({ maxAliasCount: maximumAliases })
    requireBoundedValue(value)
    const whole = merged(value)
    requireBoundedValue(whole)
    requireKeepable(whole)
    return whole
  } catch (error) {
    if (error instanceof TureenError) throw error
    // The parser throws on nesting that overflows the stack, and on more aliases than allowed.
    throw malformed(error instanceof Error ? error.message : String(error))
  }
}

/**
 * Reads plain scalars as PyYAML does (https://yaml.org/type/): more words for truth values, and octal numbers with a
 * leading 0.
 */
function readAsYaml11(document: Document): void {
  visit(document, {
    Scalar(place, scalar) {
      if (place === 'key' || scalar.type !== 'PLAIN' || scalar.tag !== undefined) return
      const source = scalar.source ?? ''
      if (/^(yes|Yes|YES|on|On|ON)$/.test(source)) scalar.value = true
      else if (/^(no|No|NO|off|Off|OFF)$/.test(source)) scalar.value = false
      else if (/^[-+]?0[0-7]+$/.test(source)) scalar.value = Number.parseInt(source, 8)
      else if (/^[-+]?0o/.test(source)) scalar.value = source
    },
  })
}

/**
 * Returns values with `<<` resolved: keys of the merged maps that are missing are added. The parser's own
 * implementation does not count how often it follows aliases.
 */
function merged(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(merged)
  if (typeof value !== 'object' || value === null) return value
  const own = Object.entries(value).map(([key, each]): [string, unknown] => [key, merged(each)])
  const sources = own.filter(([key]) => key === '<<').flatMap(([, each]) => each)
  const foreign = sources.reverse().flatMap(source => {
    if (typeof source === 'object' && source !== null && !Array.isArray(source)) return Object.entries(source)
    throw malformed('<< is followed by something other than a map')
  })
  return Object.fromEntries([...foreign, ...own.filter(([key]) => key !== '<<')])
}

/** Returns a recipe as a YAML document. */
export function writeYaml(recipe: unknown): string {
  return stringify(recipe)
}

function malformed(reason: string): TureenError {
  return new TureenError('TUREEN_BODY_MALFORMED', `The recipe cannot be read as YAML: ${reason}.`, [
    { field: 'body', expected: 'YAML 1.2', message: reason },
  ])
}
