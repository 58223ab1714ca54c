import { isCountedNode, isCountedTensor } from './exporter-names.ts'
import type { Operator, Value } from './network.ts'
import { readsOf } from './reads-of.ts'

/** How many values may still be looked at for their names: graphs of many equal parts would take quadratic time. */
export type NameBudget = { left: number }

/**
 * For each of some values, the names of tensors and of nodes that are among what it is computed from, but not among what another of them
 * is computed from. Names that an exporter counted up count only where no value has another; without budget there are none.
 */
export function distinctNames(values: readonly (Value | null)[], budget: NameBudget): ReadonlySet<string>[] {
  const cones = values.map(value => namesBelow(value, budget))
  if (budget.left <= 0) return values.map(() => new Set())
  const distinct = cones.map((names, index) =>
    cones.reduce((left, other, place) => (place === index ? left : left.difference(other)), names),
  )
  const telling = distinct.map(names => new Set([...names].filter(name => !isCountedTensor(name))))
  return telling.some(({ size }) => size > 0) ? telling : distinct
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
    open.push(...readsOf(operator))
  }
  return names
}
