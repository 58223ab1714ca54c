import { type HashTask, hashRanges } from './hash-ranges.ts'
import { type Outcome, outcome } from './outcome.ts'
import { type ShareReport, type ShareTask, writeShare } from './write-share.ts'

/** What the threads run that write and hash large results, by name. They load nothing that parses models: they are there soon. */

export function write(task: ShareTask): Outcome<ShareReport> {
  return outcome(() => writeShare(task))
}

export function hash(task: HashTask): Outcome<string[]> {
  return outcome(() => hashRanges(task))
}
