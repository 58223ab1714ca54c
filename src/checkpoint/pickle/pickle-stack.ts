import { checkpointLimits } from '../checkpoint-limits.ts'
import { checkpointTooLarge, malformedCheckpoint } from '../unreadable-checkpoint.ts'
import type { PickleValue } from './values.ts'

/** The stack of a pickle. Its bounds are {@link checkpointLimits}. */
export type PickleStack = {
  push(value: PickleValue): void
  /** Pushes a new object or text, and counts it. */
  make(value: PickleValue): void
  pop(): PickleValue
  top(): PickleValue
  /** Returns the topmost values, the topmost last, and removes them. */
  popSome(count: number): PickleValue[]
  mark(): void
  /** Returns the values above the last mark, and removes them and the mark. */
  popToMark(): PickleValue[]
  /** Removes the topmost value, or the mark above it. */
  drop(): void
}

export function pickleStack(): PickleStack {
  const values: PickleValue[] = []
  const marks: number[] = []
  let made = 0
  const floor = () => marks.at(-1) ?? 0
  const empty = () => malformedCheckpoint('takes more values than there are in its pickle')
  const push = (value: PickleValue) => {
    if (values.length >= checkpointLimits.pickleStack)
      throw checkpointTooLarge('pickleStack', 'values at a time in its pickle')
    values.push(value)
  }
  const pop = () => {
    if (values.length <= floor()) throw empty()
    return values.pop() ?? null
  }
  return {
    push,
    pop,
    make(value) {
      made += 1
      if (made > checkpointLimits.pickleObjects)
        throw checkpointTooLarge('pickleObjects', 'texts and collections in its pickle')
      push(value)
    },
    top() {
      if (values.length <= floor()) throw empty()
      return values.at(-1) ?? null
    },
    popSome(count) {
      if (values.length - count < floor()) throw empty()
      return values.splice(values.length - count, count)
    },
    mark() {
      if (marks.length >= checkpointLimits.pickleDepth)
        throw checkpointTooLarge('pickleDepth', 'nested collections in its pickle')
      marks.push(values.length)
    },
    popToMark() {
      const start = marks.pop()
      if (start === undefined) throw malformedCheckpoint('closes a collection that it has not opened in its pickle')
      return values.splice(start)
    },
    drop() {
      if (values.length > floor()) values.pop()
      else if (marks.pop() === undefined) throw empty()
    },
  }
}
