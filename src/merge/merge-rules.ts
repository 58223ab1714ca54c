import { type ProblemItem, TureenError } from '../errors.ts'
import { type MatchedInput, networkOf } from './match-inputs.ts'
import { baseOf, type MergeSettings } from './merge-input.ts'
import { type RuleReport, type RuleResolution, resolveRules, ruleMatcher } from './rule-resolution.ts'
import { ruleWarnings } from './rule-warnings.ts'

/** The rules of a merge, each averaged tensor's found, and what their author should know. */
export type MergeRules = RuleResolution & { warnings: string[] }

/**
 * Finds the rule of every averaged tensor of the base that all inputs have.
 * @param averaged paths, in the base, of the tensors that are averaged
 */
export function mergeRules(
  inputs: readonly MatchedInput[],
  settings: Pick<MergeSettings, 'rules' | 'base'>,
  averaged: ReadonlySet<string>,
): MergeRules {
  const { rules, base } = settings
  if (rules.length === 0) return { matches: new Map(), reports: [], warnings: [] }
  const { layout } = baseOf(inputs, settings)
  const tensors = layout.tensors.filter(
    tensor => averaged.has(tensor.path) && inputs.every(input => input.counterpart(tensor) !== undefined),
  )
  const resolution = resolveRules(rules, tensors, ruleMatcher(rules, inputs, base))
  return { ...resolution, warnings: ruleWarnings(rules, resolution, networkOf(baseOf(inputs, settings))) }
}

/** The rules that match no tensor, each as a problem. */
export function unmetRules(reports: readonly RuleReport[]): (ProblemItem & { message: string })[] {
  return reports.flatMap(({ match, tensors, overruled }, index) =>
    tensors + overruled > 0
      ? []
      : [{ field: `rules.${index}.match`, message: `${match} matches no tensor that is averaged` }],
  )
}

/** @throws TureenError `TUREEN_RULE_UNMATCHED` naming every rule that matches no tensor */
export function requireRulesMet(reports: readonly RuleReport[]): void {
  const unmet = unmetRules(reports)
  if (unmet.length === 0) return
  throw new TureenError(
    'TUREEN_RULE_UNMATCHED',
    `A rule that matches nothing would have no effect: ${unmet.map(({ message }) => message).join('; ')}. GET /v1/models/{id}/tensors lists the names that a glob can match.`,
    unmet,
  )
}
