import { type ProblemItem, TureenError } from '../errors.ts'
import type { TensorEntry } from '../onnx/layout.ts'
import { type IsCarried, networkOf } from './match-inputs.ts'
import { asBase, type MatchedInput } from './matched-input.ts'
import type { IndexedInput, MergeSettings } from './merge-input.ts'
import { filesOf, type MergeInputs } from './merge-inputs.ts'
import { ruleOf } from './rule-match.ts'
import { type RuleReport, type RuleResolution, resolveRules, ruleMatcher } from './rule-resolution.ts'
import { ruleWarnings } from './rule-warnings.ts'

/** The rules of a merge, resolved for each averaged tensor, with warnings about them. */
export type MergeRules = RuleResolution & { warnings: string[] }

/**
 * Returns a function that returns true if a rule skips a tensor of the base, by its names in the base. Such a tensor is
 * copied and needs no counterpart. Undefined if no rule skips any tensor.
 */
export function skippedTensors(base: IndexedInput, { rules }: Pick<MergeSettings, 'rules'>): IsCarried | undefined {
  if (!rules.some(({ skip }) => skip)) return undefined
  const matcher = ruleMatcher(rules, asBase(base, base))
  const known = new Map<TensorEntry, boolean>()
  return tensor => {
    const rule = known.has(tensor) ? null : ruleOf(matcher(tensor).match)
    const isSkipped = known.get(tensor) ?? (rule !== null && rules[rule]?.skip === true)
    known.set(tensor, isSkipped)
    return isSkipped
  }
}

/**
 * Finds the rule of every averaged tensor of the base that all inputs have, or that needs no counterpart.
 * @param averaged paths, in the base, of the tensors that are averaged
 */
export function mergeRules(
  inputs: MergeInputs<MatchedInput>,
  { rules }: Pick<MergeSettings, 'rules'>,
  averaged: ReadonlySet<string>,
  isCarried: IsCarried = () => false,
): MergeRules {
  if (rules.length === 0) return { matches: new Map(), reports: [], warnings: [] }
  const { base } = inputs
  const files = filesOf(inputs)
  const tensors = base.layout.tensors.filter(
    tensor =>
      averaged.has(tensor.path) && (isCarried(tensor) || files.every(input => input.counterpart(tensor) !== undefined)),
  )
  const resolution = resolveRules(rules, tensors, ruleMatcher(rules, base, files))
  return { ...resolution, warnings: ruleWarnings(rules, resolution, networkOf(base)) }
}

/** Returns a problem for each rule that matches no tensor. */
export function unmetRules(reports: readonly RuleReport[]): ProblemItem[] {
  return reports.flatMap(({ match, tensors, overruled }, index) =>
    tensors + overruled > 0
      ? []
      : [{ field: `rules.${index}.match`, actual: match, message: `${match} matches no tensor that is averaged` }],
  )
}

/**
 * Checks that each rule matches a tensor.
 * @throws TureenError `TUREEN_RULE_UNMATCHED` naming every rule that does not
 */
export function requireRulesMet(reports: readonly RuleReport[]): void {
  const unmet = unmetRules(reports)
  if (unmet.length === 0) return
  throw new TureenError(
    'TUREEN_RULE_UNMATCHED',
    `Every rule must match a tensor: ${unmet.map(({ message }) => message).join('; ')}. GET /v1/models/{id}/tensors lists the names that a glob can match.`,
    unmet,
  )
}
