import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { TureenError } from '../../../src/errors.ts'
import type { DatasetFile } from '../../../src/evaluate/datasets/dataset.ts'
import { type ArrayValues, type Dataset, openDataset } from '../../../src/evaluate/datasets/dataset.ts'

/** An array by NumPy's account: elements little-endian and row-major, or strings. */
export type Expected = { dtype: string; dims: number[]; base64?: string; strings?: string[]; tensorName?: string }

const directory = fileURLToPath(new URL('../../fixtures/datasets', import.meta.url))
const examples = fileURLToPath(new URL('../../../examples/digits', import.meta.url))

const expected = JSON.parse(readFileSync(join(directory, 'expected.json'), 'utf8'))

/** The arrays of an npz fixture, by name. A Map, since one array is called __proto__. */
export function expectedArrays(name: string): Map<string, Expected> {
  return new Map(Object.entries(expected[name]))
}

/** The tensor of a .pb fixture. */
export function expectedTensor(name: string): Expected {
  return expected[name]
}

/** A fixture as an uploaded file. */
export function fixture(name: string, uploadedAs = name): DatasetFile {
  return { name: uploadedAs, path: join(directory, name) }
}

/** A file of the digits example. */
export function digits(name: string): DatasetFile {
  return { name, path: join(examples, name) }
}

/** Values in the form of expected.json. */
export function account({ dtype, dims, data }: ArrayValues): Expected {
  if (Array.isArray(data)) return { dtype, dims, strings: data }
  return { dtype, dims, base64: Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('base64') }
}

/** All arrays of a data set, read in batches of a size and put together again. */
export async function readWhole(dataset: Dataset, batchSize: number, limit?: number): Promise<Map<string, Expected>> {
  const names = dataset.description.arrays.map(({ name }) => name)
  const whole = new Map<string, Expected>()
  for await (const { samples, values } of dataset.batches(names, batchSize, limit)) {
    for (const [name, value] of values) {
      const piece = account(value)
      const sofar = whole.get(name)
      if (!sofar || piece.dims.length === 0) whole.set(name, piece)
      else whole.set(name, joined(sofar, piece, samples))
    }
  }
  return whole
}

function joined(sofar: Expected, piece: Expected, samples: number): Expected {
  const dims = [(sofar.dims[0] ?? 0) + samples, ...piece.dims.slice(1)]
  if (piece.strings) return { dtype: piece.dtype, dims, strings: [...(sofar.strings ?? []), ...piece.strings] }
  const bytes = [sofar, piece].map(({ base64 = '' }) => Buffer.from(base64, 'base64'))
  return { dtype: piece.dtype, dims, base64: Buffer.concat(bytes).toString('base64') }
}

/** What {@link readWhole} gives of these files, opened and closed. */
export async function readFiles(files: readonly DatasetFile[], batchSize: number, memoryBytes?: number) {
  const dataset = await openDataset(files, memoryBytes === undefined ? {} : { memoryBytes })
  try {
    return await readWhole(dataset, batchSize)
  } finally {
    await dataset.close()
  }
}

/** What came of reading everything: null, or the code of the error. Anything but a refusal of the data set is a failure of the test. */
export async function outcome(files: readonly DatasetFile[], memoryBytes?: number): Promise<string | null> {
  try {
    await readFiles(files, 3, memoryBytes)
    return null
  } catch (error) {
    if (error instanceof TureenError && error.code.startsWith('TUREEN_DATASET_')) return error.code
    throw error
  }
}
