import type { ProblemCause } from '../../schemas/problem.ts'

/** Causes of one kind. `words`: their message, with an ellipsis in place of what differs. */
export type CauseGroup = { words: string; causes: ProblemCause[] }

/** Groups causes whose messages are the same but for the names and values in their fields. The largest group comes first. */
export function groupedCauses(causes: readonly ProblemCause[]): CauseGroup[] {
  const groups = new Map<string, CauseGroup>()
  for (const cause of causes) {
    const { message, ...fields } = cause
    // Longer values go first, since a name may contain another.
    const values = Object.values(fields).filter(value => value !== undefined)
    const words = values
      .toSorted((a, b) => b.length - a.length)
      .reduce((text, value) => (value === '' ? text : text.replaceAll(value, '…')), message)
    const group: CauseGroup = groups.get(words) ?? { words, causes: [] }
    group.causes.push(cause)
    groups.set(words, group)
  }
  return [...groups.values()].toSorted((a, b) => b.causes.length - a.causes.length)
}
