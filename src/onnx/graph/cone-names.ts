import { isCountedNode, isCountedTensor } from './exporter-names.ts'
import type { Operator, Value } from './network.ts'
import { readsOf } from './reads-of.ts'

/**
 * The number of values whose names may still be read. Without it, graphs of many equal parts would take quadratic time.
 */
export type NameBudget = { left: number }

/**
 * Returns, for each of some values, the names of tensors and nodes that only this value is computed from. Names
 * numbered by an exporter count only if no value has another. Without budget there are none.
 * @param spellings returns the spellings of a name that count
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

/** The largest number of parts of a name that count as endings, because hostile files have long names. */
const mostParts = 32

/** Returns all endings of a name at a dot or slash: layers.0.q, 0.q and q. */
export function nameEndings(name: string): string[] {
  const parts = name.split(/[./]/).slice(-mostParts)
  return parts.map((_, index) => parts.slice(index).join('.'))
}

/**
 * Returns, for each of some values, the marks of the nearest marked operators that only this value is computed from.
 * Without budget there are none.
 */
export function distinctMarks(
  values: readonly (Value | null)[],
  marks: ReadonlyMap<Operator, number>,
  budget: NameBudget,
): ReadonlySet<number>[] {
  const cones = values.map(value => marksBelow(value, marks, budget))
  return budget.left <= 0 ? values.map(() => new Set()) : distinctOf(cones)
}

/** Returns of each set the labels that no other set has. */
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
