import { endAlike, moduleOf, scopeOf } from '../onnx/graph/module-names.ts'
import type { Network } from '../onnx/graph/network.ts'
import type { TensorEntry } from '../onnx/layout.ts'
import { type RuleResolution, ruleOf, type TensorMatches } from './rule-resolution.ts'
import { tensorPositions } from './tensor-positions.ts'
import type { TensorRule } from './tensor-rule.ts'

/** Tensors that one warning names. */
const named = 3

/** What the author of some rules should know, although each rule matches something. @param network that of the base */
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
        `The rule ${globOf(rule)} matches ${counted(tensors, 'shared tensor')} in some places only: ${listed(tensors)}. It holds in all places.`,
    ),
    ...[...passedOver].map(
      ([rule, tensors]) =>
        `No rule matches ${counted(tensors, 'tensor')} whose name an exporter made up, while ${globOf(rule)} matches what is around: ${listed(tensors)}. GET /v1/models/{id}/tensors lists the names that a glob can match.`,
    ),
  ]
}

/** A name of each place of a shared tensor that a rule does not match, the tensor's own place included. */
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
  // What a module's own nodes read is the tensor's own place: a rule need not match their names besides.
  const isOwn = ([first]: typeof names) => first?.place === 0 || (first?.of === 'node' && isOwnScope(first.text))
  const groups = [places.filter(isOwn).flat(), ...places.filter(place => !isOwn(place))]
  return groups.flatMap(group => {
    const [telling] = group.filter(({ isTelling }) => isTelling)
    return telling && !group.some(({ rules }) => rules.includes(rule)) ? [telling.text] : []
  })
}

/**
 * Weights that no rule matches and that no input has a name for, while one rule or several match what is around them: the tensors that
 * are read right before and after, or those that nodes of the same scope read. Each with a rule of those.
 */
function missedAround(matches: RuleResolution['matches'], network: Network): [number, string][] {
  const positions = tensorPositions(network, tensor => matches.has(tensor))
  const isMissed = ([tensor, { match, isNamed }]: readonly [TensorEntry, TensorMatches]) =>
    ruleOf(match) === null && !isNamed && tensor.dims.length > 0 && tensor.path.includes('initializer[')
  const inOrder = [...matches]
    .filter(entry => positions.has(entry[0].path) && (isMissed(entry) || entry[1].isNamed || entry[1].all.size > 0))
    .sort(([a], [b]) => (positions.get(a.path) ?? 0) - (positions.get(b.path) ?? 0))
  const scopes = new Map<string, number>()
  for (const [, { match, names }] of inOrder) {
    const rule = ruleOf(match)
    if (rule !== null) for (const scope of scopesOf(names)) scopes.set(scope, rule)
  }
  const before = nearest(inOrder, isMissed)
  const after = nearest(inOrder.toReversed(), isMissed)
  return inOrder.filter(isMissed).flatMap(([tensor, { names }]): [number, string][] => {
    const sides = [before.get(tensor), after.get(tensor)].filter(side => side !== undefined)
    const [inScope] = scopesOf(names).flatMap(scope => scopes.get(scope) ?? [])
    const between = sides.some(side => side === null) ? undefined : sides[0]
    const rule = inScope ?? between
    return rule === undefined || rule === null ? [] : [[rule, nameOf(tensor)]]
  })
}

/** For each tensor that is missed the rule of the last one before it that is not: null if that has none, undefined if there is none. */
function nearest(
  inOrder: readonly (readonly [TensorEntry, TensorMatches])[],
  isMissed: (entry: readonly [TensorEntry, TensorMatches]) => boolean,
): Map<TensorEntry, number | null | undefined> {
  let last: number | null | undefined
  const found = new Map<TensorEntry, number | null | undefined>()
  for (const entry of inOrder) {
    if (isMissed(entry)) found.set(entry[0], last)
    else last = ruleOf(entry[1].match)
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

function listed(names: readonly string[]): string {
  const more = names.length > named ? ` and ${names.length - named} more` : ''
  return `${names.slice(0, named).join(', ')}${more}`
}
