import { open } from 'node:fs/promises'
import { z } from 'zod'
import type { DatasetItem } from '../schemas/dataset.ts'
import type { ModelRecord } from '../schemas/model.ts'
import { commonOptions, createCommand, readCommand, repeated } from './command.ts'
import { oneOrList, requireRecords } from './held-records.ts'
import { addRootOption, rootOption } from './inputs.ts'
import { isFile } from './local-files.ts'
import { exitCodes, fileReason, UsageMistake } from './mistakes.ts'
import { readLabels, readWholeNumber } from './option-values.ts'
import { runSession } from './session.ts'
import { shownBytes, tableLines } from './terminal.ts'
import { createUploads } from './uploads.ts'

const pushOptions = z.object({
  ...commonOptions,
  name: z.string().optional(),
  label: z.array(z.string()).optional(),
  ttl: z.string().optional(),
  ...rootOption,
})

/** `tureen push`: puts models and data sets on a server. */
export async function pushCommand(given: readonly string[]): Promise<void> {
  const command = addRootOption(createCommand('push', 'Put models and data sets on a server, or into a store.'))
    .argument('<files...>', 'ONNX files, checkpoints, and data sets as .npz files')
    .option('--name <name>', 'name of the record; without it, that of the file')
    .option('--label <key=value>', 'label of the records; can be repeated', repeated)
    .option('--ttl <seconds>', 'time after which the records may be deleted')
  const { options, names } = readCommand(command, pushOptions, given)
  await runSession(
    'push',
    options,
    async () => {
      requireRecords(options)
      if (options.name !== undefined && names.length > 1)
        throw new UsageMistake('--name names one record, and there are several files. Push them one by one.')
      const files: { path: string; isDataset: boolean }[] = []
      for (const path of names) files.push({ path, isDataset: await isDatasetFile(path) })
      return {
        files,
        name: options.name,
        labels: readLabels('--label', options.label),
        ttl: options.ttl === undefined ? undefined : readWholeNumber('--ttl', options.ttl),
      }
    },
    async (session, { files, ...fields }) => {
      const { client, reporter, signal } = session
      const uploads = createUploads(session, true, { given: fields, root: options.root })
      const records: (ModelRecord | DatasetItem)[] = []
      for (const { path, isDataset } of files) {
        const input = { kind: 'file' as const, path, shown: path }
        if (isDataset) records.push(await client.getDataset(await uploads.dataset(input), { signal }))
        else records.push(await uploads.model(input))
      }
      reporter.document(oneOrList(records))
      const rows = records.map((record, index) => [
        record.id,
        files[index]?.isDataset ? 'data set' : 'model',
        record.name ?? '-',
        'bytes' in record ? shownBytes(record.bytes) : '-',
      ])
      reporter.tell(...tableLines(['id', 'kind', 'name', 'size'], rows))
      return exitCodes.done
    },
  )
}

/** Bytes of a zip archive that hold the name of its first entry, which PyTorch and NumPy keep far shorter. */
const headBytes = 4096

/**
 * Returns true if a file is a data set: an .npz file is a zip archive, and no ONNX file begins like one. Archives of torch.save have their
 * entries in a folder, and NumPy has an array in each.
 */
async function isDatasetFile(path: string): Promise<boolean> {
  if (!(await isFile(path))) throw new UsageMistake(`There is no file ${path}. Correct the path.`)
  try {
    const file = await open(path)
    try {
      const { bytesRead, buffer } = await file.read(Buffer.alloc(headBytes), 0, headBytes, 0)
      const head = buffer.subarray(0, bytesRead)
      if (head.toString('latin1', 0, 2) !== 'PK') return false
      // The local header of the first entry: the length of its name is at 26, the name at 30.
      const name = head.length < 30 ? '' : head.toString('utf8', 30, 30 + head.readUInt16LE(26))
      return !name.includes('/') || name.endsWith('.npy')
    } finally {
      await file.close()
    }
  } catch (error) {
    throw new UsageMistake(`${path} cannot be read: ${fileReason(error)}.`)
  }
}
