import type { FileHandle } from 'node:fs/promises'
import { type Entry, fromRandomAccessReaderPromise, getFileNameLowLevel, RandomAccessReader, type ZipFile } from 'yauzl'
import type { TureenError } from '../../errors.ts'
import { readFully } from '../../storage/read-fully.ts'
import { datasetLimits } from './dataset-limits.ts'
import { malformedDataset, unsupportedDataset } from './refusals.ts'
import { zipPlace } from './zip-end.ts'

/** An entry of a zip file. `storedBytes`: size in the file; `bytes`: size after inflating. */
export type ZipEntry = {
  /** Name of the array: the name of the entry without `.npy`. It is a key, never a path. */
  array: string
  /** True if the name of the entry ends with `.npy`. Other entries are arrays only if they begin like one. */
  named: boolean
  deflated: boolean
  dataStart: number
  storedBytes: number
  bytes: number
  crc32: number
}

/** An array that cannot be used, with the refusal of a request that asks for it. */
export type UnusableArray = { name: string; refusal: TureenError }

const arraySuffix = '.npy'
/** Folder of metadata that macOS adds when it zips a folder. Its names end like those of the arrays. */
const macMetadata = '__MACOSX/'
/** Most characters that are shown of a refused name. */
const shownCharacters = 100
const stored = 0
const deflated = 8

/**
 * Lets yauzl read a zip file from its place in a file. Offsets come from the zip file: it reports one outside of it as an error of the
 * callback.
 */
class HandleReader extends RandomAccessReader {
  readonly #handle: FileHandle
  readonly #start: number
  readonly #byteLength: number

  constructor(handle: FileHandle, start: number, byteLength: number) {
    super()
    this.#handle = handle
    this.#start = start
    this.#byteLength = byteLength
  }

  override read(
    buffer: Buffer,
    offset: number,
    length: number,
    position: number,
    callback: (error: Error | null) => void,
  ): void {
    if (position + length > this.#byteLength) {
      callback(new Error('its directory points beyond its end'))
      return
    }
    readFully(this.#handle, buffer, offset, length, this.#start + position).then(
      bytesRead => callback(bytesRead < length ? new Error('it is shorter than it was') : null),
      callback,
    )
  }
}

/**
 * Returns the entries of a zip file that may be arrays, in the order of its directory, and the arrays in forms that are not read. It ignores
 * folders and the metadata of macOS (`__MACOSX/`).
 *
 * @throws TureenError `TUREEN_DATASET_MALFORMED`, also for unsafe names; `TUREEN_DATASET_UNSUPPORTED` for too many entries
 * @throws Error of yauzl if the directory is damaged
 */
export async function readZipDirectory(
  handle: FileHandle,
  byteLength: number,
): Promise<{ entries: ZipEntry[]; unusable: UnusableArray[] }> {
  const { start, end } = await zipPlace(handle, byteLength)
  const length = end - start
  // Take names as bytes: yauzl would rewrite some of the names that are refused below.
  const zip = await fromRandomAccessReaderPromise(new HandleReader(handle, start, length), length, {
    autoClose: false,
    decodeStrings: false,
  })
  if (zip.entryCount > datasetLimits.entries) throw tooManyEntries(zip.entryCount)
  const entries: ZipEntry[] = []
  const unusable: UnusableArray[] = []
  for await (const entry of zip.eachEntry()) {
    const name = getFileNameLowLevel(entry.generalPurposeBitFlag, entry.fileNameRaw, entry.extraFields, true)
    refuseUnsafe(name)
    if (name.endsWith('/') || name.startsWith(macMetadata)) continue
    const named = name.endsWith(arraySuffix)
    const array = named ? name.slice(0, -arraySuffix.length) : name
    if (array === '')
      throw malformedDataset('An array has no name. Save each under a name: np.savez(path, image=image).', {
        tensor: array,
      })
    const refusal = refusalOf(entry, array)
    if (!refusal) entries.push({ array, named, ...(await locate(zip, entry, start)) })
    else if (named) unusable.push({ name: array.slice(0, shownCharacters), refusal })
  }
  return { entries, unusable }
}

/**
 * Refuses names that lead out of a directory, or that programs read in different ways. Here a name is only a key, but clients download the
 * file unchanged.
 */
function refuseUnsafe(name: string): void {
  const reason = name.includes('\0')
    ? 'has a NUL character in its name'
    : name.includes('\uFFFD')
      ? 'has a name that is not UTF-8'
      : name.split(/[\\/]/).includes('..')
        ? 'has .. in its name'
        : /^([a-z]:)?[\\/]/i.test(name)
          ? 'has an absolute path as its name'
          : undefined
  if (reason === undefined) return
  const shown = JSON.stringify(name.slice(0, shownCharacters))
  throw malformedDataset(
    `The entry ${shown} of the zip file ${reason}. Save the arrays under plain names, such as "image".`,
    { tensor: shown },
  )
}

/** Returns the refusal of an entry in a form that is not read; undefined if it is read. */
function refusalOf(entry: Entry, array: string): TureenError | undefined {
  const { compressionMethod, fileNameLength } = entry
  if (fileNameLength > datasetLimits.nameBytes)
    return unsupportedDataset(
      `The array ${array.slice(0, 40)}... has a name of ${fileNameLength} bytes; ${datasetLimits.nameBytes} is the limit. Save it under a shorter one.`,
      { tensor: array, expected: `${datasetLimits.nameBytes} bytes at most`, actual: `${fileNameLength} bytes` },
    )
  if (entry.isEncrypted())
    return unsupportedDataset(`The array ${array} is encrypted. Save it with np.savez or np.savez_compressed.`, {
      tensor: array,
    })
  if (compressionMethod === stored || compressionMethod === deflated) return undefined
  return unsupportedDataset(
    `The array ${array} is compressed with zip's method ${compressionMethod}. Save it with np.savez or np.savez_compressed.`,
    { tensor: array, expected: `${stored} (stored), ${deflated} (deflated)`, actual: `${compressionMethod}` },
  )
}

/** Returns the place of an entry's bytes. @param start offset of the zip file in its file */
async function locate(zip: ZipFile, entry: Entry, start: number): Promise<Omit<ZipEntry, 'array' | 'named'>> {
  const { compressionMethod, compressedSize, uncompressedSize, crc32 } = entry
  const { fileDataStart } = await zip.readLocalFileHeaderPromise(entry, { minimal: true })
  return {
    deflated: compressionMethod === deflated,
    dataStart: start + fileDataStart,
    storedBytes: compressedSize,
    bytes: uncompressedSize,
    crc32,
  }
}

function tooManyEntries(count: number) {
  return unsupportedDataset(
    `An npz file has ${count} entries; ${datasetLimits.entries} is the limit. Save all samples of a kind as one array: np.stack(list).`,
    { field: 'data', expected: `${datasetLimits.entries} entries at most`, actual: `${count} entries` },
  )
}
