import { open } from 'node:fs/promises'
import { readFully } from '../../storage/read-fully.ts'
import { datasetKinds } from './dataset-kinds.ts'
import { datasetLimits } from './dataset-limits.ts'
import type { DatasetDescription, DatasetFile } from './dataset-types.ts'
import { malformedDataset, unsupportedDataset } from './refusals.ts'

type Kind = DatasetDescription['kind']

const allKinds = Object.values(datasetKinds)

/** Bytes of a file's start that tell its kind. */
const startBytes = 256

/** Files that are often sent by mistake in place of a data set, each recognised by its start, with what to do. */
export const impostors: readonly { recognise: (text: string) => boolean; reason: string }[] = [
  {
    recognise: text => text === '',
    reason: 'is empty.',
  },
  {
    recognise: text => text.startsWith('\x93NUMPY'),
    reason: 'is a single array (.npy). Save the arrays together, by name: np.savez(path, image=image, label=label).',
  },
  {
    recognise: text => text.startsWith('version https://git-lfs.github.com/spec/'),
    reason: 'is a Git LFS pointer, not the data themselves. Fetch them with `git lfs pull`.',
  },
  {
    recognise: text => text.startsWith('\x1f\x8b'),
    reason: 'is gzip-compressed. Save the arrays with np.savez_compressed.',
  },
  {
    recognise: text => text.startsWith('\x89HDF\r\n'),
    reason: 'is HDF5. Save its arrays with np.savez.',
  },
  {
    recognise: text => text.startsWith('PAR1') || text.startsWith('ARROW1'),
    reason: 'is Parquet or Arrow. Save its columns with np.savez.',
  },
  {
    recognise: text => text.startsWith('\x80') && text.charCodeAt(1) >= 2 && text.charCodeAt(1) <= 5,
    reason: 'is a Python pickle. Reading one runs code, so it is not read: save the arrays with np.savez.',
  },
  {
    recognise: text => /^\s*(<!doctype html|<html|<\?xml)/i.test(text),
    reason: 'is an HTML or XML page, perhaps the error page of a download. Fetch the data again.',
  },
]

/**
 * Returns the kind of a data set, from the starts of its files and, for tensors, their names.
 * @throws TureenError `TUREEN_DATASET_MALFORMED` if the files are no data set, `TUREEN_DATASET_UNSUPPORTED` if there are too many
 */
export async function kindOf(files: readonly DatasetFile[]): Promise<Kind> {
  if (files.length > datasetLimits.files) {
    throw unsupportedDataset(
      `The data set has ${files.length} files; ${datasetLimits.files} is the limit. Save more samples in each file.`,
      { field: 'data', expected: `${datasetLimits.files} files at most`, actual: `${files.length} files` },
    )
  }
  const kinds = new Set<Kind>()
  for (const file of files) kinds.add(await fileKind(file))
  const [kind, other] = kinds
  if (kind === undefined)
    throw malformedDataset('The data set has no files. Send one at least.', { field: 'data', expected: 'a file' })
  if (other !== undefined)
    throw malformedDataset(`The data set mixes ${endingsOf(kinds).join(' and ')} files. Upload each kind by itself.`, {
      field: 'data',
      expected: endingsOf(kinds).join(' or '),
      actual: endingsOf(kinds).join(' and '),
    })
  return kind
}

/** Refuses the beginning of a file that is of no kind of data set. @throws TureenError `TUREEN_DATASET_MALFORMED` */
export function refuseOtherFiles(name: string, beginning: Uint8Array): void {
  kindByStart(name, Buffer.from(beginning.subarray(0, startBytes)).toString('latin1'))
}

async function fileKind({ name, path }: DatasetFile): Promise<Kind> {
  return kindByStart(name, await startOf(path))
}

function kindByStart(name: string, text: string): Kind {
  const started = allKinds.find(({ hasStart }) => hasStart?.(text))
  if (started) return started.kind
  const impostor = impostors.find(({ recognise }) => recognise(text))
  if (impostor) throw malformedDataset(`The file ${name} ${impostor.reason}`, { location: name })
  const named = allKinds.find(({ hasName }) => hasName?.(name))
  if (named) return named.kind
  throw malformedDataset(`The file ${name} is neither ${allKinds.map(({ words }) => words).join(' nor ')}.`, {
    location: name,
    expected: allKinds.flatMap(({ fileNames }) => fileNames).join(', '),
  })
}

function endingsOf(kinds: ReadonlySet<Kind>): string[] {
  return [...kinds].map(kind => datasetKinds[kind].ending)
}

async function startOf(path: string): Promise<string> {
  const handle = await open(path)
  try {
    const start = Buffer.alloc(startBytes)
    return start.toString('latin1', 0, await readFully(handle, start, 0, start.byteLength, 0))
  } finally {
    await handle.close()
  }
}
