/**
 * The rule that applies to a tensor. `base`: the first rule that matches a name in the base. `others`: the files in
 * which an earlier rule matches a name, with the first such rule of each. A soup of some inputs uses only those of its
 * own.
 */
export type RuleMatch = { base: number | null; others: readonly { input: number; rule: number }[] }

/** The match of a tensor that no rule matches. */
export const noRule: RuleMatch = { base: null, others: [] }

/**
 * Returns the index of the rule that applies to a tensor: the first that matches a name in any of the given inputs.
 * Null if there is none.
 */
export function ruleOf({ base, others }: RuleMatch, isInput: (input: number) => boolean = () => true): number | null {
  const rules = others.filter(({ input }) => isInput(input)).map(({ rule }) => rule)
  return base === null && rules.length === 0 ? null : Math.min(base ?? Number.POSITIVE_INFINITY, ...rules)
}
