import { type TensorName, tensorNames } from '../onnx/graph/tensor-names.ts'
import type { TensorEntry } from '../onnx/layout.ts'
import { globSpelling, nameMatcher } from './glob.ts'
import { type MatchedInput, networkOf } from './match-inputs.ts'
import { inputAt } from './merge-input.ts'
import type { TensorRule } from './tensor-rule.ts'

/**
 * Which rule holds for a tensor. `base`: the first one that matches a name in the base. `others`: the inputs in which a name is matched by
 * an earlier rule, and the first such rule of each. A soup of some of the inputs heeds those of its own alone.
 */
export type RuleMatch = { base: number | null; others: readonly { input: number; rule: number }[] }

/** The match of a tensor that no rule matches. */
export const noRule: RuleMatch = { base: null, others: [] }

/** The rule that holds for a tensor, as its place among the rules: the first that any of these inputs has a matching name for. */
export function ruleOf({ base, others }: RuleMatch, isInput: (input: number) => boolean = () => true): number | null {
  const rules = others.filter(({ input }) => isInput(input)).map(({ rule }) => rule)
  return base === null && rules.length === 0 ? null : Math.min(base ?? Number.POSITIVE_INFINITY, ...rules)
}

/** What all rules say of one tensor of the base. */
export type TensorMatches = {
  match: RuleMatch
  /** Every rule that matches one of its names in any input, the one that holds and those behind it. */
  all: ReadonlySet<number>
  /** Its names in the base, each with the rules that match it. */
  names: readonly (TensorName & { rules: readonly number[] })[]
  /** Whether an input has a name for it that no exporter made up, node names aside. */
  isNamed: boolean
}

/** Finds the rules of one tensor of the base. */
export type RuleMatcher = (tensor: TensorEntry) => TensorMatches

/**
 * Returns a function that finds the rules whose globs match a tensor of the base: by one of its names there, or by one that means the same
 * in every file in one of the other inputs. A name that the base has for another tensor is the base's: names never contradict structure.
 * @param inputs all of a merge; with the base alone the function can be asked before other models are paired with it
 */
export function ruleMatcher(
  rules: readonly Pick<TensorRule, 'match'>[],
  inputs: readonly MatchedInput[],
  baseIndex: number,
): RuleMatcher {
  const globs = rules.map(({ match }) => nameMatcher(match))
  const known = new Map<string, readonly number[]>()
  const rulesFor = (name: string): readonly number[] => {
    const found = known.get(name) ?? globs.flatMap((matches, index) => (matches(name) ? [index] : []))
    known.set(name, found)
    return found
  }
  const base = inputAt(inputs, baseIndex)
  const namesInBase = tensorNames(networkOf(base))
  const taken = new Set(
    base.layout.tensors.flatMap(tensor => namesInBase(tensor).map(({ text }) => globSpelling(text))),
  )
  const others = inputs.flatMap((input, index) =>
    input === base || input.sha256 === base.sha256 ? [] : [{ input, index, names: tensorNames(networkOf(input)) }],
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

/** What a rule has met: tensors and elements that it holds for. */
export type RuleReport = {
  match: string
  tensors: number
  elements: number
  /** Tensors that it matches as well, and an earlier rule holds for. */
  overruled: number
}

/** The rules of a merge, each tensor's found. */
export type RuleResolution = {
  /** By averaged tensor of the base. */
  matches: ReadonlyMap<TensorEntry, TensorMatches>
  /** One for each rule, in order. */
  reports: RuleReport[]
}

/** Finds the rule of every averaged tensor that all inputs have, and counts what each rule met. */
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
