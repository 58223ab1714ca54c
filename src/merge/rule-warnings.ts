import { firstOf } from '../first-of.ts'
import { endAlike, moduleOf, scopeOf } from '../onnx/graph/module-names.ts'
import type { Network } from '../onnx/graph/network.ts'
import type { TensorEntry } from '../onnx/layout.ts'
import { ruleOf } from './rule-match.ts'
import type { RuleResolution, TensorMatches } from './rule-resolution.ts'
import { tensorPositions } from './tensor-positions.ts'
import type { TensorRule } from './tensor-rule.ts'

/** The largest number of tensors that one warning names. */
const named = 3

/** Returns warnings for the author of rules that all match something. @param network of the base */
export function ruleWarnings(
  rules: readonly Pick<TensorRule, 'match'>[],
  { matches }: Pick<RuleResolution, 'matches'>,
  network: Network,
): string[] {
  const globOf = (rule: number) => JSON.stringify(rules[rule]?.match)
  const shared = byRule([...matches], ([tensor, found]) => {
    const rule = ruleOf(found.match)
    const [missed] = rule === null ? [] : missedPlaces(found, rule)
    return rule === null || missed === undefined ? null : [rule, `${nameOf(tensor)} (not as ${missed})`]
  })
  const passedOver = byRule(missedAround(matches, network), missed => missed)
  return [
    ...[...shared].map(
      ([rule, tensors]) =>
        `The rule ${globOf(rule)} matches ${counted(tensors, 'shared tensor')} under some names only: ${firstOf(tensors, named)}. The rule applies to the whole tensor.`,
    ),
    ...[...passedOver].map(
      ([rule, tensors]) =>
        `No rule matches ${counted(tensors, 'tensor')} whose name an exporter made up, although ${globOf(rule)} matches the tensors around: ${firstOf(tensors, named)}. GET /v1/models/{id}/tensors lists the names that a glob can match.`,
    ),
  ]
}

/** Returns a name of each place of a shared tensor that a rule does not match, including the tensor's own place. */
function missedPlaces({ names }: TensorMatches, rule: number): string[] {
  const isShared = names.some(({ place }) => place > 1)
  if (!isShared) return []
  const own = names.find(({ place, isTelling }) => place === 0 && isTelling)
  const module = own && moduleOf(own.text)
  const isOwnScope = (name: string) => {
    const [scope] = scopeOf(name)
    return scope !== undefined && module !== undefined && endAlike(scope, module)
  }
  const places = [...Map.groupBy(names, ({ place }) => place).values()]
  // Nodes of the tensor's own module read it at its own place: a rule need not match their names as well.
  const isOwn = ([first]: typeof names) => first?.place === 0 || (first?.of === 'node' && isOwnScope(first.text))
  const groups = [places.filter(isOwn).flat(), ...places.filter(place => !isOwn(place))]
  return groups.flatMap(group => {
    const [telling] = group.filter(({ isTelling }) => isTelling)
    return telling && !group.some(({ rules }) => rules.includes(rule)) ? [telling.text] : []
  })
}

type Entry = readonly [TensorEntry, TensorMatches]

/**
 * Finds weights that no rule matches and that no input names, although rules match the tensors around them. Each comes
 * with the rule that matches:
 *
 * - a tensor that nodes of the same scope read;
 * - or the named tensors that are read right before and after it, or on one side if there are none on the other;
 * - or, if not even a node names it, tensors on both sides, even if only by their nodes.
 */
function missedAround(matches: RuleResolution['matches'], network: Network): [number, string][] {
  const positions = tensorPositions(network, tensor => matches.has(tensor))
  const isMissed = ([tensor, { match, isNamed }]: Entry) =>
    ruleOf(match) === null && !isNamed && tensor.dims.length > 0 && tensor.path.includes('initializer[')
  const inOrder = [...matches]
    .filter(([{ path }]) => positions.has(path))
    .sort(([a], [b]) => (positions.get(a.path) ?? 0) - (positions.get(b.path) ?? 0))
  const scopes = new Map<string, number>()
  for (const [, { match, names }] of inOrder) {
    const rule = ruleOf(match)
    if (rule !== null) for (const scope of scopesOf(names)) scopes.set(scope, rule)
  }
  const besideNamed = sides(inOrder, ([, { isNamed }]) => isNamed)
  const besideAny = sides(inOrder, ([, { isNamed, match }]) => isNamed || ruleOf(match) !== null)
  return inOrder.flatMap((entry, index): [number, string][] => {
    if (!isMissed(entry)) return []
    const [tensor, { names }] = entry
    const [inScope] = scopesOf(names).flatMap(scope => scopes.get(scope) ?? [])
    const isSaid = names.some(({ isTelling }) => isTelling)
    const [named, any] = [besideNamed[index] ?? [], isSaid ? [] : (besideAny[index] ?? [])]
    const rule = inScope ?? ruleAround(named) ?? (any.length === 2 ? ruleAround(any) : undefined)
    return rule === undefined ? [] : [[rule, nameOf(tensor)]]
  })
}

/** Returns the first of some rules, unless one is missing. */
function ruleAround(rules: readonly (number | null)[]): number | undefined {
  return rules.includes(null) ? undefined : (rules[0] ?? undefined)
}

/**
 * Returns for each tensor the rules of the nearest anchors before and after it, if there are any; null for an anchor
 * that no rule matches.
 */
function sides(inOrder: readonly Entry[], isAnchor: (entry: Entry) => boolean): (number | null)[][] {
  const found = inOrder.map((): (number | null)[] => [])
  for (const entries of [[...inOrder.entries()], [...inOrder.entries()].reverse()]) {
    let last: number | null | undefined
    for (const [index, entry] of entries) {
      if (last !== undefined) found[index]?.push(last)
      if (isAnchor(entry)) last = ruleOf(entry[1].match)
    }
  }
  return found
}

function scopesOf(names: TensorMatches['names']): string[] {
  return names.flatMap(({ of, text }) => (of === 'node' ? (scopeOf(text)[0] ?? []) : []))
}

function byRule<Item>(
  items: readonly Item[],
  toEntry: (item: Item) => readonly [number, string] | null,
): Map<number, string[]> {
  const found = new Map<number, string[]>()
  for (const item of items) {
    const entry = toEntry(item)
    if (!entry) continue
    const [rule, name] = entry
    const some = found.get(rule)
    if (some) some.push(name)
    else found.set(rule, [name])
  }
  return found
}

function counted({ length }: readonly string[], what: string): string {
  return `${length} ${what}${length === 1 ? '' : 's'}`
}

function nameOf({ name, path }: TensorEntry): string {
  return name || path
}
