import type { RuleReport } from './rule-resolution.ts'
import type { ValueDifference } from './value-differences.ts'

/** The largest number of values that a report lists. */
const listedValues = 100
/** The largest number of values that a warning names. */
const namedValues = 3

/** Values of the base in a soup that differ in other models. `omitted`: the number of values not listed. */
export type FromBase = { values: BaseValue[]; omitted: number }

/** `base` and `other`: some elements, including the first that differ. */
export type BaseValue = { tensor: string; node?: string; model: string; base: string; other: string }

/** Facts for the author of a merge, found before any byte is computed. The report has each under the same name. */
export type MergeFindings = {
  /** Sentences; each names the model or tensor that it is about. */
  warnings: string[]
  /** The matches of each rule, in order; absent without rules. */
  rules?: RuleReport[]
  /** The base's values that other models do not share; only with `nonFloat: base`. */
  fromBase?: FromBase
}

/**
 * Returns the findings of a merge. `fromBase`: differences in which the soup has the base's values. `rules`: absent
 * without rules.
 */
export function findingsOf(
  warnings: readonly string[],
  fromBase: readonly ValueDifference[],
  rules?: RuleReport[],
): MergeFindings {
  const ofRules = rules ? { rules } : {}
  if (fromBase.length === 0) return { warnings: [...warnings], ...ofRules }
  const values = fromBase.slice(0, listedValues).map(({ tensor, node, model, expected, actual }): BaseValue => {
    return { tensor, ...(node === null ? {} : { node }), model, base: expected, other: actual }
  })
  return {
    warnings: [...warnings, fromBaseWarning(fromBase)],
    fromBase: { values, omitted: fromBase.length - values.length },
    ...ofRules,
  }
}

function fromBaseWarning(differences: readonly ValueDifference[]): string {
  const named = differences
    .slice(0, namedValues)
    .map(({ tensor, model, expected, actual }) => `${tensor} (${expected}; ${actual} in ${model})`)
  const more = differences.length > named.length ? ', ...' : ''
  const what =
    differences.length === 1
      ? '1 value that is never averaged differs'
      : `${differences.length} values that are never averaged differ`
  return `${what}; the soup has the base's: ${named.join(', ')}${more}`
}
