import { type TensorName, tensorNames } from '../onnx/graph/tensor-names.ts'
import type { TensorEntry } from '../onnx/layout.ts'
import { globSpelling, nameMatcher } from './glob.ts'
import { networkOf } from './match-inputs.ts'
import type { MatchedInput } from './matched-input.ts'
import { type RuleMatch, ruleOf } from './rule-match.ts'
import type { TensorRule } from './tensor-rule.ts'

/** The rules of one tensor of the base. */
export type TensorMatches = {
  match: RuleMatch
  /** Every rule that matches one of its names in any input. */
  all: ReadonlySet<number>
  /** Its names in the base, each with the rules that match it. */
  names: readonly (TensorName & { rules: readonly number[] })[]
  /** True if an input has a name for it that no exporter made up; node names do not count. */
  isNamed: boolean
}

/** Finds the rules of one tensor of the base. */
export type RuleMatcher = (tensor: TensorEntry) => TensorMatches

/**
 * Returns a function that finds the rules whose globs match a tensor of the base. A rule matches by a name in the base,
 * or by a name in another input that means the same in every file. A name that the base has for another tensor does not
 * count, so names never contradict structure.
 * @param files all files of a merge; without them, rules can be found before other models are paired
 */
export function ruleMatcher(
  rules: readonly Pick<TensorRule, 'match'>[],
  base: MatchedInput,
  files: readonly MatchedInput[] = [],
): RuleMatcher {
  const globs = rules.map(({ match }) => nameMatcher(match))
  const known = new Map<string, readonly number[]>()
  const rulesFor = (name: string): readonly number[] => {
    const found = known.get(name) ?? globs.flatMap((matches, index) => (matches(name) ? [index] : []))
    known.set(name, found)
    return found
  }
  const namesInBase = tensorNames(networkOf(base))
  const taken = new Set(
    base.layout.tensors.flatMap(tensor => namesInBase(tensor).map(({ text }) => globSpelling(text))),
  )
  const others = files.flatMap((input, index) =>
    input.isTwin ? [] : [{ input, index, names: tensorNames(networkOf(input)) }],
  )
  return tensor => {
    const names = namesInBase(tensor).map(name => ({ ...name, rules: rulesFor(name.text) }))
    const all = new Set(names.flatMap(({ rules }) => rules))
    const first = all.size > 0 ? Math.min(...all) : null
    let isNamed = names.some(saysWhatItIs)
    const earlier = others.flatMap(({ input, index, names }) => {
      const theirs = input.counterpart(tensor)
      const telling = theirs ? names(theirs).filter(({ isTelling }) => isTelling) : []
      isNamed ||= telling.some(saysWhatItIs)
      const found = telling.flatMap(({ text }) => {
        const rules = rulesFor(text)
        return rules.length > 0 && !taken.has(globSpelling(text)) ? rules : []
      })
      for (const rule of found) all.add(rule)
      const rule = Math.min(...found)
      return rule < (first ?? Number.POSITIVE_INFINITY) ? [{ input: index, rule }] : []
    })
    return { match: { base: first, others: earlier }, all, names, isNamed }
  }
}

function saysWhatItIs({ isTelling, of }: TensorName): boolean {
  return isTelling && of !== 'node'
}

/** The tensors and elements that a rule applies to. */
export type RuleReport = {
  match: string
  tensors: number
  elements: number
  /** Tensors that it also matches, but to which an earlier rule applies. */
  overruled: number
}

/** The rules of a merge, resolved for each tensor. */
export type RuleResolution = {
  /** By averaged tensor of the base. */
  matches: ReadonlyMap<TensorEntry, TensorMatches>
  /** One for each rule, in order. */
  reports: RuleReport[]
}

/** Finds the rule of every averaged tensor that all inputs have, and counts what each rule matched. */
export function resolveRules(
  rules: readonly Pick<TensorRule, 'match'>[],
  tensors: readonly TensorEntry[],
  matcher: RuleMatcher,
): RuleResolution {
  const reports = rules.map(({ match }): RuleReport => ({ match, tensors: 0, elements: 0, overruled: 0 }))
  const matches = new Map(tensors.map(tensor => [tensor, matcher(tensor)]))
  for (const [tensor, { match, all }] of matches) {
    const first = ruleOf(match)
    for (const rule of all) {
      const report = reports[rule]
      if (!report) continue
      if (rule === first) {
        report.tensors += 1
        report.elements += tensor.elements
      } else report.overruled += 1
    }
  }
  return { matches, reports }
}
