import { openContentDirectory } from '../../src/storage/content/content-directory.ts'
import { openContentFiles } from '../../src/storage/content/content-files.ts'
import type { FileBatches } from '../../src/storage/file-batches.ts'
import type { HashFile } from '../../src/storage/sound-files.ts'
import { batchesHere } from './batches-here.ts'

/** For stores whose files are known from when they came: nothing reads them again. */
const hashNothing: HashFile = async path => {
  throw new Error(`${path} is read again`)
}

/** Content of a directory, its quarantine, and its unfinished files. */
export type OpenContent = Awaited<ReturnType<typeof openContent>>

/** Opens the content of a directory without a server. @param maximumBytes most bytes of the store; 0: no limit */
export async function openContent(
  directory: string,
  maximumBytes = 0,
  {
    batches = batchesHere,
    hash = hashNothing,
    clock = Date.now,
  }: { batches?: FileBatches; hash?: HashFile; clock?: () => number } = {},
) {
  const opened = await openContentDirectory(directory, { maximumBytes, batches, hash, clock })
  const { room, quarantine } = opened
  return { ...opened, contentFiles: await openContentFiles(directory, { room, spare: quarantine }, () => {}, batches) }
}
