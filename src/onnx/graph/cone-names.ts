import type { Operator, Value } from './network.ts'

/** How many values may still be looked at for their names: graphs of many equal parts would take quadratic time. */
export type NameBudget = { left: number }

/** Names that exporters number: they say where a tensor stood in one export and not what it is. */
const numbered = /^(?:[a-z_]+::)?[A-Za-z]*_?\d+$|^val_|^const_fold_opt__/

/**
 * For each of some values, the names of tensors and of nodes that are among what it is computed from, but not among what another of them
 * is computed from. Numbered names count only where no value has another; without budget there are none.
 */
export function distinctNames(values: readonly (Value | null)[], budget: NameBudget): ReadonlySet<string>[] {
  const cones = values.map(value => namesBelow(value, budget))
  if (budget.left <= 0) return values.map(() => new Set())
  const distinct = cones.map((names, index) =>
    cones.reduce((left, other, place) => (place === index ? left : left.difference(other)), names),
  )
  const telling = distinct.map(names => new Set([...names].filter(name => !numbered.test(name))))
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
    // A name without a path is the kind of operator and a number, mostly.
    if (/[/.]/.test(operator.name)) names.add(operator.name)
    for (const { value: read } of operator.operands) open.push(read)
    for (const { outputs } of operator.subgraphs) for (const output of outputs) open.push(output)
  }
  return names
}
