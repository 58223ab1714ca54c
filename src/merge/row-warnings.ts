import { firstOf } from '../first-of.ts'
import type { MergePlan } from './merge-plan.ts'
import { methodNamed } from './methods/merge-method-registry.ts'
import type { Operation } from './operation.ts'

/** The largest number of tensors that a warning names. */
const named = 3

/** Returns sentences about tensors of several rows whose changes are ranked along the last axis. */
export function rowWarnings({ tensors }: Pick<MergePlan, 'tensors'>): string[] {
  const causes = [
    ['unread', 'no operator reads such a tensor as the weights of output units'],
    ['contradictory', 'operators that read such a tensor have different output units'],
  ] as const
  const ranked = tensors.filter(({ operation }) => ranksUnits(operation))
  return causes.flatMap(([reason, cause]) => {
    const found = ranked.filter(({ rows }) => rows?.reason === reason && rows.layout.slabs > 1)
    if (found.length === 0) return []
    const names = firstOf(
      found.map(({ name }) => name),
      named,
    )
    return [`Changes are ranked along the last axis in ${names}: ${cause}.`]
  })
}

function ranksUnits(operation: Operation): boolean {
  return operation.kind !== 'sum' && methodNamed(operation.method).ranksUnits(operation.settings)
}
