import { openAsBlob } from 'node:fs'
import { open, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { v4 as randomName } from 'uuid'
import type { Download } from './download.ts'

/** Opens a file as a Blob, for uploads. It is read while it is sent; if it changes meanwhile, the upload fails. */
export function fileBlob(path: string): Promise<Blob> {
  return openAsBlob(path)
}

/**
 * Writes a download to a file, which appears at once and whole: its bytes are verified and flushed under another name in the same directory,
 * and then renamed.
 */
export async function saveDownload({ body }: Pick<Download, 'body'>, path: string): Promise<void> {
  await saveFile(path, async unfinished => {
    const file = await open(unfinished, 'wx')
    try {
      for await (const piece of body) await file.writeFile(piece)
    } finally {
      await file.close()
    }
  })
}

/**
 * Has a file appear at once and whole: it is written and flushed under another name in the same directory, and then renamed.
 * @param write creates the file under the name that it gets
 */
export async function saveFile(path: string, write: (unfinished: string) => Promise<void>): Promise<void> {
  const unfinished = join(dirname(path), `.${randomName()}.part`)
  try {
    await write(unfinished)
    const file = await open(unfinished, 'r')
    try {
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(unfinished, path)
  } catch (error) {
    await rm(unfinished, { force: true })
    throw error
  }
}
