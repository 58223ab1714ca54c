import { constants } from 'node:fs'
import { copyFile, open } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { saveDownload, saveFile } from '../client/files.ts'
import type { ModelRecord } from '../schemas/model.ts'
import { requireWritable, whileWriting } from './local-files.ts'
import { CommandFailure } from './mistakes.ts'
import type { Session } from './session.ts'
import { standardStream, writeStandardOutput } from './standard-streams.ts'
import { byteProgress } from './terminal.ts'
import { usableModel } from './uploads.ts'

/** Most bytes of one file with the external data inside: protobuf allows less than 2 GiB, and the file has more than the data. */
export const mostInlineBytes = 2 ** 31 - 2 ** 20

/**
 * Writes a model to a file. External data comes inside the file, if that is below 2 GiB; otherwise beside it, where the model expects it.
 * Each file appears at once and whole, the model last.
 */
export async function saveModel(
  session: Session,
  id: string,
  path: string,
  force: boolean,
): Promise<{ bytes: number }> {
  const { client, local, reporter, signal } = session
  const record = await usableModel(session, id)
  if (path === standardStream) {
    await pipeModel(session, record)
    return { bytes: record.bytes }
  }
  const options = {
    signal,
    onProgress: ({ received, total }: { received: number; total: number | null }) =>
      reporter.progress(byteProgress(path, received, total)),
  }
  if (local && record.files.length === 1) {
    const stored = await local.modelPath(id, signal)
    await whileWriting(path, () => saveFile(path, unfinished => copyContent(stored, unfinished)))
    return { bytes: record.bytes }
  }
  // Checkpoints are no protobuf, and have no such limit.
  const isInline = record.kind === 'checkpoint' || record.bytes <= mostInlineBytes
  const beside = isInline ? [] : record.files.filter(({ location }) => location !== '')
  const paths = new Map(beside.map(({ location }) => [location, join(dirname(path), location)]))
  for (const [location, target] of paths) {
    if (location.startsWith('/') || location.split(/[/\\]/).includes('..'))
      throw new CommandFailure(`The model keeps weights in ${location}, which is not below the directory of ${path}.`)
    await requireWritable(target, force)
  }
  for (const [location, target] of paths)
    await whileWriting(target, async () => saveDownload(await client.getModelData(id, location, options), target))
  await whileWriting(path, async () =>
    saveDownload(await client.getModelContent(id, { ...options, ...(isInline ? { external: 'inline' } : {}) }), path),
  )
  return { bytes: record.bytes }
}

/** Writes a model to standard output, with its external data inside. */
async function pipeModel({ client, local, signal }: Session, { id, files, bytes }: ModelRecord): Promise<void> {
  if (local && files.length === 1) return writeStandardOutput(await local.modelPath(id, signal))
  if (files.length > 1 && bytes > mostInlineBytes)
    throw new CommandFailure('The model is larger than 2 GiB, so it has files beside it. Name a file with -o.')
  const { body } = await client.getModelContent(id, { signal, external: 'inline' })
  await writeStandardOutput(body)
}

/** Copies content to a new file, or clones it where the file system can. The file gets the permissions of a new one, not those of content. */
async function copyContent(stored: string, path: string): Promise<void> {
  const file = await open(path, 'wx')
  try {
    const { mode } = await file.stat()
    await copyFile(stored, path, constants.COPYFILE_FICLONE)
    await file.chmod(mode & 0o7777)
  } finally {
    await file.close()
  }
}
