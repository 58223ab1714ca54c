import type { RuleReport } from './rule-resolution.ts'
import type { ValueDifference } from './value-differences.ts'

/** Values that a report lists, at most. */
const listedValues = 100
/** Values that a warning names, at most. */
const namedValues = 3

/** Values of the base that a soup has where another model holds others; `omitted`: how many more there are. */
export type FromBase = { values: BaseValue[]; omitted: number }

/** `base` and `other`: some elements, those in which the two differ first among them. */
export type BaseValue = { tensor: string; node?: string; model: string; base: string; other: string }

/** Facts that the author of a merge should know, found before any byte is computed. The report carries each under the same name. */
export type MergeFindings = {
  /** Sentences; each names the model or tensor that it is about. */
  warnings: string[]
  /** What each rule has met, in order; left out without rules. */
  rules?: RuleReport[]
  /** Only if `nonFloat: base` took any value: those of the base that other models do not share. */
  fromBase?: FromBase
}

/** The findings of a merge. `fromBase`: differences in which the soup has the base's values. `rules`: left out without rules. */
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
