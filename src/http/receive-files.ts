import { ownTurn } from '../own-turn.ts'
import type { ContentFiles } from '../storage/content/content-files.ts'
import { inParallel } from '../storage/in-parallel.ts'
import type { ReceivedFile } from '../storage/received-file.ts'
import type { UploadPart } from './form-parts.ts'

/** Receives the bytes of one part into a file. */
export type Receive = (stream: AsyncIterable<Uint8Array>) => Promise<ReceivedFile>

/** Milliseconds that an upload may take of the event loop before others get a turn. */
const turnMilliseconds = 5

/**
 * Receives the parts of an upload, in order, and returns the files after all of them are flushed to disk. If the upload fails, it removes
 * every received file.
 * @param take receives a part into a file and returns that; undefined if the part is no file. It throws to refuse the upload.
 */
export async function receiveFiles<File extends ReceivedFile>(
  parts: AsyncIterable<UploadPart>,
  contentFiles: ContentFiles,
  take: (part: UploadPart, before: readonly File[], receive: Receive) => Promise<File | undefined>,
): Promise<File[]> {
  const files: File[] = []
  const byDigest = new Map<string, File>()
  const flushes = contentFiles.openQueue()
  let turnBegan = performance.now()
  try {
    for await (const part of parts) {
      // Small parts that have arrived already need no input or output, and would be received without a pause.
      if (performance.now() - turnBegan > turnMilliseconds) {
        await ownTurn()
        turnBegan = performance.now()
      }
      const file = await take(part, files, stream => contentFiles.receive(stream, part.reservation, flushes, byDigest))
      if (!file) continue
      files.push(file)
      byDigest.set(file.sha256, file)
    }
    await flushes.end()
    return files
  } catch (error) {
    await flushes.end().catch(() => undefined)
    await discardAll(files, contentFiles)
    throw error
  }
}

export async function discardAll(files: readonly ReceivedFile[], contentFiles: ContentFiles): Promise<void> {
  await inParallel(new Set(files.map(({ path }) => path)), contentFiles.discard)
}
