import type { TureenError } from '../../errors.ts'
import { datasetLimits } from './dataset-limits.ts'
import type { DatasetFile } from './dataset-types.ts'
import type { Shard } from './read-shard.ts'
import { malformedDataset, unsupportedDataset } from './refusals.ts'
import type { ShardArray } from './shard-array.ts'
import type { UnusableArray } from './zip-directory.ts'

/** An array over all npz files of a data set. `dims`: those of the joined array; without dims it is a constant, equal in every file. */
export type NpzArray = { name: string; dtype: string; dims: number[]; shards: ShardArray[] }

/** The arrays of a data set. `samples`: number of samples of most arrays, and the larger one of equally many. */
export type JoinedArrays = { samples: number; arrays: NpzArray[]; unusable: UnusableArray[] }

/**
 * Joins the arrays of several npz files along their first axis, in the order of the files. An array that cannot be used in one file cannot
 * be used at all.
 *
 * @throws TureenError `TUREEN_DATASET_MALFORMED` with the names if files or arrays do not belong together. It throws the refusal of an array
 *   if none with samples can be used, and `TUREEN_DATASET_UNSUPPORTED` above {@link datasetLimits}.
 */
export function joinShards(shards: readonly Shard[]): JoinedArrays {
  const unusable = new Map<string, UnusableArray>()
  for (const array of shards.flatMap(shard => shard.unusable))
    unusable.set(array.name, unusable.get(array.name) ?? array)
  if (unusable.size > datasetLimits.entries) throw tooManyUnusable(unusable.size)
  const joined = new Map<string, NpzArray>()
  const [first] = shards
  for (const shard of shards) {
    const arrays = shard.arrays.filter(({ name }) => !unusable.has(name))
    for (const array of arrays) {
      const sofar = joined.get(array.name)
      if (sofar) append(sofar, array, shard.file)
      else if (first && shard !== first) throw lacks(first.file, array.name, shard.file)
      else joined.set(array.name, begin(array))
    }
    for (const { name } of joined.values()) {
      if (first && !arrays.some(array => array.name === name)) throw lacks(shard.file, name, first.file)
    }
  }
  for (const {
    name,
    dims: [samples = 0],
  } of joined.values()) {
    if (samples <= datasetLimits.samples) continue
    joined.delete(name)
    unusable.set(name, { name, refusal: tooManySamples(name, samples) })
  }
  requireAligned([...joined.values()], shards)
  return requireSamples({ samples: 0, arrays: [...joined.values()], unusable: [...unusable.values()] }, shards)
}

/** Moves arrays that cannot be used out of the others. @throws TureenError the first refusal if no array with samples remains */
export function withoutUnusable(joined: JoinedArrays, unusable: readonly UnusableArray[]): JoinedArrays {
  const names = new Set(unusable.map(({ name }) => name))
  const arrays = joined.arrays.filter(({ name }) => !names.has(name))
  return requireSamples({ ...joined, arrays, unusable: [...joined.unusable, ...unusable] }, [])
}

function requireSamples(joined: JoinedArrays, shards: readonly Shard[]): JoinedArrays {
  const samples = commonSamples(joined.arrays)
  if (samples !== undefined) return { ...joined, samples }
  const [reason] = joined.unusable
  if (reason) throw reason.refusal
  const name = shards[0]?.file.name ?? ''
  throw malformedDataset(
    `The file ${name} holds no array with samples. Save arrays whose first axis is the sample: np.savez(path, image=image, label=label).`,
    { location: name },
  )
}

/** Returns the number of samples of most arrays, and the larger one of equally many; undefined if no array has samples. */
export function commonSamples(arrays: readonly { dims: readonly number[] }[]): number | undefined {
  const counts = new Map<number, number>()
  for (const {
    dims: [samples],
  } of arrays)
    if (samples !== undefined) counts.set(samples, (counts.get(samples) ?? 0) + 1)
  return [...counts].sort(([a, many], [b, others]) => others - many || b - a)[0]?.[0]
}

/** Refuses arrays that have equally many samples in all files together, but not in each: their samples would not belong together. */
function requireAligned(arrays: readonly NpzArray[], shards: readonly Shard[]): void {
  const firsts = new Map<number, NpzArray>()
  for (const array of arrays) {
    const [samples] = array.dims
    if (samples === undefined) continue
    const first = firsts.get(samples) ?? array
    firsts.set(samples, first)
    const at = array.shards.findIndex(({ header }, index) => header.dims[0] !== first.shards[index]?.header.dims[0])
    if (at < 0) continue
    const [one, other] = [first, array].map(each => each.shards[at]?.header.dims[0])
    throw malformedDataset(
      `The arrays ${first.name} and ${array.name} have different numbers of samples: ${one} and ${other} (in ${shards[at]?.file.name}). Save the samples of a file in all of its arrays.`,
      { tensor: array.name, expected: `${one} samples`, actual: `${other} samples` },
    )
  }
}

function tooManyUnusable(count: number): TureenError {
  return unsupportedDataset(
    `The files have ${count} arrays that cannot be used; ${datasetLimits.entries} is the limit. Leave out what is not data.`,
    { field: 'data', expected: `${datasetLimits.entries} at most`, actual: `${count}` },
  )
}

function tooManySamples(name: string, samples: number): TureenError {
  return unsupportedDataset(
    `The array ${name} has ${samples} samples; ${datasetLimits.samples} is the limit. Send fewer.`,
    { tensor: name, expected: `${datasetLimits.samples} samples at most`, actual: `${samples} samples` },
  )
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
