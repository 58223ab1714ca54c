import { dirname, join } from 'node:path'
import { saveDownload } from '../client/files.ts'
import { requireWritable, whileWriting } from './local-files.ts'
import { CommandFailure } from './mistakes.ts'
import type { Session } from './session.ts'
import { shownBytes } from './terminal.ts'

/** Most bytes of one file with the external data inside: protobuf allows less than 2 GiB, and the file has more than the data. */
const mostInlineBytes = 2 ** 31 - 2 ** 20

/**
 * Writes a model to a file. External data comes inside the file, if that is below 2 GiB; otherwise beside it, where the model expects it.
 * Each file appears at once and whole, the model last.
 */
export async function saveModel(
  { client, reporter, signal }: Session,
  id: string,
  path: string,
  force: boolean,
): Promise<{ bytes: number }> {
  const record = await client.getModel(id, { signal })
  if ('unreadable' in record) throw new CommandFailure(`The record of ${id} cannot be read: ${record.unreadable}`)
  const options = {
    signal,
    onProgress: ({ received, total }: { received: number; total: number | null }) =>
      reporter.progress(`${path}: ${shownBytes(received)}${total === null ? '' : ` of ${shownBytes(total)}`}`),
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
