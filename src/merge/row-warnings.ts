import type { MergePlan } from './merge-plan.ts'

/** Tensors that a warning names at most. */
const named = 3

/** Sentences about the tensors that are ranked along their last axis, although they have more than one row. */
export function rowWarnings({ tensors }: Pick<MergePlan, 'tensors'>): string[] {
  const causes = [
    ['unread', 'no operator reads them as weights of output units'],
    ['contradictory', 'operators that read them have different output units'],
  ] as const
  return causes.flatMap(([reason, cause]) => {
    const found = tensors.filter(({ rows }) => rows?.reason === reason && rows.layout.slabs > 1)
    if (found.length === 0) return []
    const names = found.slice(0, named).map(({ name }) => name)
    const more = found.length > named ? ` and ${found.length - named} more` : ''
    return [`Changes are ranked along the last axis in ${names.join(', ')}${more}: ${cause}.`]
  })
}
