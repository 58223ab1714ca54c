import { type HashTask, hashRanges } from './hash-ranges.ts'
import { type Outcome, outcome } from './outcome.ts'

/** What the threads run that hash large results. They load nothing that parses models: they are small, and there soon. */
export function hash(task: HashTask): Outcome<string[]> {
  return outcome(() => hashRanges(task))
}
