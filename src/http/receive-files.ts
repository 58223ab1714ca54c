import type { Artifacts, ReceivedFile } from '../storage/artifacts.ts'
import type { UploadPart } from './upload.ts'

/**
 * Goes through the parts of an upload, in order. `take` receives what it wants of a part into a file and gives that back, or
 * throws; then, and when the upload fails otherwise, everything received before is removed.
 */
export async function receiveFiles<File extends ReceivedFile>(
  parts: AsyncIterable<UploadPart>,
  artifacts: Artifacts,
  take: (part: UploadPart, before: readonly File[]) => Promise<File | undefined>,
): Promise<File[]> {
  const files: File[] = []
  try {
    for await (const part of parts) {
      const file = await take(part, files)
      if (file) files.push(file)
    }
    return files
  } catch (error) {
    await discardAll(files, artifacts)
    throw error
  }
}

export async function discardAll(files: readonly ReceivedFile[], artifacts: Artifacts): Promise<void> {
  for (const { path } of files) await artifacts.discard(path)
}
