import { TureenError } from '../errors.ts'
import { matchInputs, networkOf } from '../merge/match-inputs.ts'
import { findingsOf, type MergeFindings } from '../merge/merge-findings.ts'
import type { IndexedInput, MergeSettings } from '../merge/merge-input.ts'
import { filesOf, type MergeInputs } from '../merge/merge-inputs.ts'
import type { Expected } from '../merge/merge-outcome.ts'
import type { MergePlan } from '../merge/merge-plan.ts'
import { mergeRules, requireRulesMet, skippedTensors } from '../merge/merge-rules.ts'
import { whyNothing } from '../merge/nothing-averaged.ts'
import { type NetworkFacts, networkFacts } from '../merge/pair-warnings.ts'
import { planMerge } from '../merge/plan.ts'
import { preflight } from '../merge/preflight.ts'
import { rowWarnings } from '../merge/row-warnings.ts'
import { averagedStatistics, scalerWarning } from '../merge/scaler-statistics.ts'
import { asProblem, type ValueDifference } from '../merge/value-differences.ts'

/** The plan of a merge that passed every check, with its findings. */
export type CheckedPlan = { plan: MergePlan; expected: Expected<MergeFindings>; network: NetworkFacts }

/**
 * Pairs the models' tensors, compares everything that is never averaged, and plans their merge.
 * @throws TureenError `TUREEN_MODELS_DIFFER` or `TUREEN_NON_FLOAT_DIFFERS`, with every difference;
 * `TUREEN_RULE_UNMATCHED`, `TUREEN_BLOCKS_UNKNOWN`
 */
export function checkedPlan(inputs: MergeInputs<IndexedInput>, settings: MergeSettings): CheckedPlan {
  const isCarried = skippedTensors(inputs.base, settings)
  const { inputs: matched, problems: structural, warnings } = matchInputs(inputs, isCarried)
  const { differences, warnings: ofValues, ...carried } = preflight(matched)
  const takesBase = (difference: ValueDifference) => settings.nonFloat === 'base' && difference.canBeBase
  const refused = differences.filter(difference => !takesBase(difference))
  const problems = [...structural, ...refused.map(asProblem)]
  if (structural.length > 0) {
    throw new TureenError(
      'TUREEN_MODELS_DIFFER',
      inputs.base.layout.checkpoint
        ? 'The checkpoints are not of one architecture: keys, types or shapes differ. Take checkpoints of one model, or skip the other tensors by a rule. `errors` lists every difference.'
        : 'The models are not one network: they differ in more than their weights. Export them in the same way. `errors` lists every difference.',
      problems,
    )
  }
  if (problems.length > 0) {
    throw new TureenError(
      'TUREEN_NON_FLOAT_DIFFERS',
      'The models agree in structure, but differ in values that are never averaged. To take those of the base, send "nonFloat": "base".',
      problems,
    )
  }
  const rules = mergeRules(matched, settings, carried.averaged, isCarried)
  requireRulesMet(rules.reports)
  const plan = planMerge(matched, settings, carried, rules)
  const statistics = scalerWarning(averagedStatistics(plan, filesOf(matched)))
  const findings = findingsOf(
    [
      ...(settings.notes ?? []),
      ...warnings.map(({ model, message }) => `${model} ${message}`),
      ...ofValues,
      ...rules.warnings,
      ...(statistics ? [statistics] : []),
      ...rowWarnings(plan),
    ],
    differences.filter(takesBase),
    settings.rules.length > 0 ? rules.reports : undefined,
  )
  const { onNonFinite } = settings
  return {
    plan,
    expected: { findings, whyNothing: whyNothing(plan, inputs.base), onNonFinite },
    network: networkFacts(networkOf(inputs.base), inputs.base.layout),
  }
}
