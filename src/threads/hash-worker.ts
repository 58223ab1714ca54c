import { standBack } from '../stand-back.ts'
import { sha256OfFile } from './hash-file.ts'
import { type HashTask, hashRanges } from './hash-ranges.ts'
import { type Outcome, outcome } from './outcome.ts'

standBack()

/** What the threads run that hash files, by name. They load nothing that parses models: they are small, and there soon. */
export function hash(task: HashTask): Promise<Outcome<string[]>> {
  return outcome(() => hashRanges(task))
}

export function hashFile(path: string): ReturnType<typeof sha256OfFile> {
  return sha256OfFile(path)
}
