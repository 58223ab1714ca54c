import { type FileHandle, open } from 'node:fs/promises'
import { TureenError } from '../../errors.ts'
import type { DatasetFile } from './dataset-types.ts'
import { EntryReader, type ReadCount } from './entry-reader.ts'
import { beginsLikeNpy, type NpyHeader, notNpy, npyDataOffset, npyStartBytes, parseNpyHeader } from './npy-header.ts'
import { asDamage, isUnsupported, malformedDataset } from './refusals.ts'
import type { ShardArray } from './shard-array.ts'
import { readZipDirectory, type UnusableArray, type ZipEntry } from './zip-directory.ts'

/** The arrays of one npz file. */
export type Shard = { file: DatasetFile; arrays: ShardArray[]; unusable: UnusableArray[] }

/**
 * Reads the arrays of an npz file: the zip directory and the header of each array, without elements. As NumPy does, it takes any entry that
 * begins like an npy file.
 *
 * @throws TureenError `TUREEN_DATASET_MALFORMED`, also for two arrays with one name; `TUREEN_DATASET_UNSUPPORTED`
 */
export async function readShard(file: DatasetFile, count: ReadCount): Promise<Shard> {
  const { name, path } = file
  const handle = await open(path)
  try {
    const { entries, unusable } = await readDirectory(handle, name)
    const arrays: ShardArray[] = []
    for (const entry of entries) {
      const array = await arrayOf(handle, entry, count)
      if (array instanceof TureenError) unusable.push({ name: entry.array, refusal: array })
      else if (array) arrays.push({ name: entry.array, path, entry, header: array })
    }
    requireUnique([...arrays, ...unusable])
    return { file, arrays, unusable }
  } finally {
    await handle.close()
  }
}

function requireUnique(arrays: readonly { name: string }[]): void {
  const names = new Set<string>()
  for (const { name } of arrays) {
    if (names.has(name))
      throw malformedDataset(`The array ${name} is there twice. Save each array under a name of its own.`, {
        tensor: name,
      })
    names.add(name)
  }
}

async function readDirectory(handle: FileHandle, name: string): ReturnType<typeof readZipDirectory> {
  try {
    const { size } = await handle.stat()
    return await readZipDirectory(handle, size)
  } catch (error) {
    throw asDamage(error, `The file ${name} is damaged or cut off, and cannot be read as a zip file`, {
      location: name,
    })
  }
}

/** Returns the header of an entry, or the refusal of an array that cannot be used; undefined for an entry that is no array. */
async function arrayOf(
  handle: FileHandle,
  entry: ZipEntry,
  count: ReadCount,
): Promise<NpyHeader | TureenError | undefined> {
  const { array, bytes, named } = entry
  const reader = new EntryReader(handle, entry, count)
  try {
    const start = new Uint8Array(Math.min(npyStartBytes, bytes))
    await reader.read(start)
    if (bytes < npyStartBytes && named) return isResourceFork(array) ? undefined : cutOff(array)
    if (!beginsLikeNpy(start)) return named && !isResourceFork(array) ? notNpy(array) : undefined
    return await readHeader(reader, start, entry)
  } catch (error) {
    if (isUnsupported(error)) return error
    if (named || !(error instanceof TureenError)) throw error
    return undefined
  } finally {
    reader.close()
  }
}

function cutOff(array: string): TureenError {
  return malformedDataset(`The array ${array} is cut off. Save it again.`, { tensor: array })
}

/** True for metadata that macOS writes beside a file, under its name with `._` in front. */
function isResourceFork(array: string): boolean {
  return /(^|\/)\._[^/]*$/u.test(array)
}

async function readHeader(reader: EntryReader, start: Uint8Array, { array, bytes }: ZipEntry): Promise<NpyHeader> {
  const dataOffset = npyDataOffset(start, array)
  if (dataOffset < npyStartBytes || dataOffset > bytes) {
    throw malformedDataset(`The array ${array} has a header of another length than it says. Save it again.`, {
      tensor: array,
    })
  }
  const head = new Uint8Array(dataOffset)
  head.set(start)
  await reader.read(head.subarray(npyStartBytes))
  return parseNpyHeader(head, bytes, array)
}
