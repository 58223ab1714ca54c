import { open } from 'node:fs/promises'
import type { ElementArray } from './array-values.ts'
import { EntryReader, type ReadCount } from './entry-reader.ts'
import { elementsOf, fortranToRowMajor, normaliseElements } from './npy-elements.ts'
import type { NpyHeader } from './npy-header.ts'
import type { ZipEntry } from './zip-directory.ts'

/** An array of one npz file: its zip entry and its header, without elements. */
export type ShardArray = { name: string; path: string; entry: ZipEntry; header: NpyHeader }

/** Reads an array of one npz file from its first sample on. */
export type SampleReader = {
  /** Returns the elements of the next `samples` samples. The array must have that many left. */
  take(samples: number): Promise<ElementArray | string[]>
  close(): Promise<void>
}

/** Returns the bytes of the elements of an array of one file. */
export function elementBytes({ header }: ShardArray): number {
  return header.elements * header.element.bytes
}

/** Reads all elements of an array: little-endian and row-major. */
export async function loadElements(array: ShardArray, count: ReadCount): Promise<ArrayBuffer> {
  const { header } = array
  const { reader, close } = await openElements(array, count)
  try {
    const buffer = await reader.take(elementBytes(array))
    normaliseElements(header, buffer)
    return header.fortranOrder ? fortranToRowMajor(buffer, header.dims, header.element.bytes) : buffer
  } finally {
    await close()
  }
}

/** Returns a reader of samples in memory. @param buffer the result of {@link loadElements}, of which it returns views */
export function memorySamples({ name, header }: ShardArray, buffer: ArrayBuffer): SampleReader {
  const width = elementsPerSample(header)
  let next = 0
  return {
    async take(samples) {
      const elements = elementsOf(header, name, buffer, next * width, samples * width)
      next += samples
      return elements
    },
    async close() {},
  }
}

/**
 * Returns a reader that reads only the requested samples from the file. It cannot read Fortran order, whose samples are scattered over the
 * file.
 */
export async function streamSamples(array: ShardArray, count: ReadCount): Promise<SampleReader> {
  const { name, header } = array
  const { reader, close } = await openElements(array, count)
  const width = elementsPerSample(header)
  return {
    async take(samples) {
      const buffer = await reader.take(samples * width * header.element.bytes)
      normaliseElements(header, buffer)
      return elementsOf(header, name, buffer, 0, samples * width)
    },
    close,
  }
}

/** Opens a reader at the first element of an array. It has its own file handle, so several arrays can be read at the same time. */
async function openElements(
  { path, entry, header }: ShardArray,
  count: ReadCount,
): Promise<{ reader: EntryReader; close: () => Promise<void> }> {
  const handle = await open(path)
  const reader = new EntryReader(handle, entry, count)
  const close = async () => {
    reader.close()
    await handle.close()
  }
  try {
    await reader.read(new Uint8Array(header.dataOffset))
    return { reader, close }
  } catch (error) {
    await close()
    throw error
  }
}

function elementsPerSample({ dims }: NpyHeader): number {
  return dims.slice(1).reduce((product, dim) => product * dim, 1)
}
