import { isCountedNode, isCountedTensor } from './exporter-names.ts'
import type { Operator, Value } from './network.ts'
import { readsOf } from './reads-of.ts'

/** How many values may still be looked at for their names: graphs of many equal parts would take quadratic time. */
export type NameBudget = { left: number }

/**
 * For each of some values, the names of tensors and of nodes that are among what it is computed from, but not among what another of them
 * is computed from. Names that an exporter counted up count only where no value has another; without budget there are none.
 * @param spellings what a name counts as
 */
export function distinctNames(
  values: readonly (Value | null)[],
  budget: NameBudget,
  spellings: (name: string) => readonly string[] = name => [name],
): ReadonlySet<string>[] {
  const cones = values.map(value => new Set([...namesBelow(value, budget)].flatMap(spellings)))
  if (budget.left <= 0) return values.map(() => new Set())
  const distinct = distinctOf(cones)
  const telling = distinct.map(names => new Set([...names].filter(name => !isCountedTensor(name))))
  return telling.some(({ size }) => size > 0) ? telling : distinct
}

/** Parts of a name beyond which it has no further endings: hostile files have long names. */
const mostParts = 32

/** A name without any, one, two, ... of its first parts: layers.0.q and 0.q and q. Either of . and / ends a part. */
export function nameEndings(name: string): string[] {
  const parts = name.split(/[./]/).slice(-mostParts)
  return parts.map((_, index) => parts.slice(index).join('.'))
}

/**
 * For each of some values, the marks of the first marked operators among those that compute it, but not of those that compute another of
 * them as well. Without budget there are none.
 */
export function distinctMarks(
  values: readonly (Value | null)[],
  marks: ReadonlyMap<Operator, number>,
  budget: NameBudget,
): ReadonlySet<number>[] {
  const cones = values.map(value => marksBelow(value, marks, budget))
  return budget.left <= 0 ? values.map(() => new Set()) : distinctOf(cones)
}

/** Of each set the labels that no other has. */
function distinctOf<Label>(cones: readonly ReadonlySet<Label>[]): ReadonlySet<Label>[] {
  const [met, repeated] = [new Set<Label>(), new Set<Label>()]
  for (const labels of cones) {
    for (const label of labels) {
      if (met.has(label)) repeated.add(label)
      else met.add(label)
    }
  }
  return cones.map(labels => labels.difference(repeated))
}

function marksBelow(from: Value | null, marks: ReadonlyMap<Operator, number>, budget: NameBudget): Set<number> {
  const found = new Set<number>()
  const met = new Set<Operator>()
  const open = [from]
  while (open.length > 0 && budget.left > 0) {
    const value = open.pop()
    if (value?.kind !== 'result' || met.has(value.operator)) continue
    const { operator } = value
    met.add(operator)
    budget.left -= 1
    const mark = marks.get(operator)
    if (mark !== undefined) found.add(mark)
    else for (const read of readsOf(operator)) open.push(read)
  }
  return found
}

function namesBelow(from: Value | null, budget: NameBudget): Set<string> {
  const names = new Set<string>()
  const met = new Set<Value | Operator>()
  const open = [from]
  while (open.length > 0 && budget.left > 0) {
    const value = open.pop()
    if (!value || met.has(value)) continue
    met.add(value)
    budget.left -= 1
    if (value.kind === 'leaf') names.add(value.name)
    if (value.kind !== 'result' || met.has(value.operator)) continue
    const { operator } = value
    met.add(operator)
    if (!isCountedNode(operator.name) && !operator.name.startsWith(`${operator.opType} #`)) names.add(operator.name)
    for (const read of readsOf(operator)) open.push(read)
  }
  return names
}
