import { datasetLimits } from './dataset-limits.ts'
import type { DatasetFile } from './dataset-types.ts'
import { malformedDataset, unsupportedDataset } from './refusals.ts'
import { elementBytes, type ShardArray } from './shard-array.ts'

/** An array over all npz files of a data set. `dims`: those of the joined array; without dims it is a constant, equal in every file. */
export type NpzArray = { name: string; dtype: string; dims: number[]; shards: ShardArray[] }

export type Shard = { file: DatasetFile; arrays: readonly ShardArray[] }

/**
 * Joins the arrays of several npz files along their first axis, in the order of the files.
 * @throws TureenError `TUREEN_DATASET_MALFORMED` with the names if files or arrays do not belong together; `TUREEN_DATASET_UNSUPPORTED`
 */
export function joinShards(shards: readonly Shard[]): { samples: number; arrays: NpzArray[] } {
  const joined = new Map<string, NpzArray>()
  let samples = 0
  const [first] = shards
  for (const shard of shards) {
    samples += samplesOf(shard)
    for (const array of shard.arrays) {
      const sofar = joined.get(array.name)
      if (sofar) append(sofar, array, shard.file)
      else if (first && shard !== first) throw lacks(first.file, array.name, shard.file)
      else joined.set(array.name, begin(array))
    }
    for (const { name } of joined.values()) {
      if (first && !shard.arrays.some(array => array.name === name)) throw lacks(shard.file, name, first.file)
    }
  }
  if (samples > datasetLimits.samples) {
    throw unsupportedDataset(
      `The data set has ${samples} samples; ${datasetLimits.samples} is the limit. Send fewer.`,
      { field: 'data', expected: `${datasetLimits.samples} samples at most`, actual: `${samples} samples` },
    )
  }
  return { samples, arrays: [...joined.values()] }
}

/** Returns the length of the first axis, which must be equal for all arrays of a file. */
function samplesOf({ file, arrays }: Shard): number {
  const [first, ...others] = arrays.filter(({ header }) => header.dims.length > 0)
  const [samples] = first?.header.dims ?? []
  if (first === undefined || samples === undefined) {
    throw malformedDataset(
      `The file ${file.name} holds no array with samples. Save arrays whose first axis is the sample: np.savez(path, image=image, label=label).`,
      { location: file.name },
    )
  }
  const other = others.find(({ header }) => header.dims[0] !== samples)
  if (other) {
    throw malformedDataset(
      `The arrays ${first.name} and ${other.name} have different numbers of samples: ${samples} and ${other.header.dims[0]} (in ${file.name}). The first axis of every array must be the sample; leave out what is not data.`,
      { tensor: other.name },
    )
  }
  return samples
}

function begin(array: ShardArray): NpzArray {
  return { name: array.name, dtype: array.header.element.dtype, dims: [...array.header.dims], shards: [array] }
}

function append(whole: NpzArray, array: ShardArray, file: DatasetFile): void {
  const { element, dims } = array.header
  const [samples = 0, ...rest] = dims
  const sameDims = dims.length === whole.dims.length && rest.every((dim, axis) => dim === whole.dims[axis + 1])
  if (element.dtype !== whole.dtype || !sameDims) {
    throw malformedDataset(
      `The array ${whole.name} is ${element.dtype} [${dims.join(', ')}] in ${file.name} but ${whole.dtype} [${whole.dims.join(', ')}] in the files before. Files of one data set must agree in everything but the number of samples.`,
      { tensor: whole.name },
    )
  }
  whole.shards.push(array)
  const [sofar] = whole.dims
  if (sofar !== undefined) whole.dims[0] = sofar + samples
}

function lacks(file: DatasetFile, array: string, other: DatasetFile) {
  return malformedDataset(`The file ${file.name} lacks the array ${array}, which ${other.name} has.`, { tensor: array })
}

/**
 * Refuses arrays in Fortran order that do not fit into memory together. Only in memory can they be reordered to row-major order.
 * @throws TureenError `TUREEN_DATASET_UNSUPPORTED`
 */
export function refuseLargeFortran(arrays: readonly NpzArray[], memoryBytes: number): void {
  let bytes = 0
  for (const { name, shards } of arrays) {
    bytes += shards.reduce((most, shard) => (shard.header.fortranOrder ? Math.max(most, elementBytes(shard)) : most), 0)
    if (bytes <= memoryBytes) continue
    throw unsupportedDataset(
      `The array ${name} is in Fortran order. Arrays that are take ${bytes} bytes up to here; more than ${memoryBytes} are not reordered. Save it with np.ascontiguousarray(${name}).`,
      { tensor: name },
    )
  }
}
