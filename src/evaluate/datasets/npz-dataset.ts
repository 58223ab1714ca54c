import type { TureenError } from '../../errors.ts'
import { ArrayReader } from './array-reader.ts'
import type { ArrayValues } from './array-values.ts'
import { pickArrays, requireBatch, requireOneLength } from './batch-limits.ts'
import { datasetLimits } from './dataset-limits.ts'
import type { DataBatch, Dataset, DatasetDescription, DatasetFile } from './dataset-types.ts'
import type { ReadCount } from './entry-reader.ts'
import { refuseLargeFortran, unusableFortran } from './fortran-limits.ts'
import { elementsOf } from './npy-elements.ts'
import { type JoinedArrays, joinShards, type NpzArray, withoutUnusable } from './npz-arrays.ts'
import { readShard, type Shard } from './read-shard.ts'
import { malformedDataset, unsupportedDataset, unsupportedOf } from './refusals.ts'
import {
  elementBytes,
  loadElements,
  memorySamples,
  type SampleReader,
  type ShardArray,
  streamSamples,
} from './shard-array.ts'

/**
 * Settings for reading a data set. `memoryBytes`: largest size of the elements to keep in memory, and of arrays in Fortran order to reorder.
 * `keep`: true to keep the elements of arrays in memory after they are read, as far as they fit.
 */
export type Reading = { memoryBytes: number; keep: boolean }

/** Opens npz files as one data set. @throws TureenError `TUREEN_DATASET_MALFORMED`, `TUREEN_DATASET_UNSUPPORTED` */
export async function openNpzDataset(files: readonly DatasetFile[], reading: Reading): Promise<Dataset> {
  const count = { bytesRead: 0 }
  const shards: Shard[] = []
  let entries = 0
  for (const file of files) {
    const shard = await readShard(file, count)
    shards.push(shard)
    entries += shard.arrays.length + shard.unusable.length
    if (entries > datasetLimits.allEntries) {
      throw unsupportedDataset(
        `The files have more than ${datasetLimits.allEntries} arrays together; that is the limit. Save more samples in each file.`,
        {
          field: 'data',
          expected: `${datasetLimits.allEntries} arrays at most`,
        },
      )
    }
  }
  const joined = joinShards(shards)
  const unusable = unusableFortran(joined.arrays, reading.memoryBytes)
  for (const array of joined.arrays) {
    const refusal = await unsupportedOf(() => requireOneConstant(array, count))
    if (refusal) unusable.push({ name: array.name, refusal })
  }
  return new NpzDataset(withoutUnusable(joined, unusable), reading, count)
}

class NpzDataset implements Dataset {
  readonly description: DatasetDescription
  readonly byteLength: number
  readonly #arrays: ReadonlyMap<string, NpzArray>
  readonly #refusals: ReadonlyMap<string, TureenError>
  readonly #memoryBytes: number
  readonly #keep: boolean
  readonly #count: ReadCount
  readonly #held = new Map<ShardArray, Promise<ArrayBuffer>>()
  readonly #open = new Set<ArrayReader>()
  #closed = false

  constructor({ samples, arrays, unusable }: JoinedArrays, { memoryBytes, keep }: Reading, count: ReadCount) {
    this.description = {
      kind: 'npz',
      samples,
      arrays: arrays.map(({ name, dtype, dims }) => ({ name, dtype, dims })),
      ...(unusable.length > 0
        ? { unusable: unusable.map(({ name, refusal }) => ({ name, reason: refusal.message })) }
        : {}),
    }
    this.byteLength = arrays.flatMap(({ shards }) => shards).reduce((sum, shard) => sum + elementBytes(shard), 0)
    this.#arrays = new Map(arrays.map(array => [array.name, array]))
    this.#refusals = new Map(unusable.map(({ name, refusal }) => [name, refusal]))
    this.#memoryBytes = memoryBytes
    this.#keep = keep
    this.#count = count
  }

  get bytesRead(): number {
    return this.#count.bytesRead
  }

  samplesOf(names: readonly string[]): number {
    const refused = names.map(name => this.#refusals.get(name)).find(refusal => refusal !== undefined)
    if (refused) throw refused
    return requireOneLength(pickArrays(this.#arrays, names)) ?? this.description.samples
  }

  async *batches(
    names: readonly string[],
    batchSize: number,
    limit = Number.POSITIVE_INFINITY,
  ): AsyncGenerator<DataBatch> {
    if (this.#closed) throw new Error('the data set is closed')
    const samples = Math.min(limit, this.samplesOf(names))
    const arrays = requireBatch(this.#arrays, names, batchSize)
    refuseLargeFortran(arrays, this.#memoryBytes)
    const constants = await this.#constants(arrays.filter(({ dims }) => dims.length === 0))
    const hold = this.#mayHold(arrays)
    const readers = arrays.filter(({ dims }) => dims.length > 0).map(array => this.#reader(array, hold))
    try {
      for (let done = 0; done < samples; done += batchSize) {
        const size = Math.min(batchSize, samples - done)
        const values = new Map(constants)
        for (const reader of readers) values.set(reader.array.name, await reader.take(size))
        yield { samples: size, values }
      }
    } finally {
      for (const reader of readers) await this.#close(reader)
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#held.clear()
    for (const reader of this.#open) await this.#close(reader)
  }

  /** True if these arrays fit into memory beside those that are held. Arrays that nobody asks for take none. */
  #mayHold(arrays: readonly NpzArray[]): boolean {
    if (!this.#keep) return false
    const shards = new Set([...this.#held.keys(), ...arrays.flatMap(array => array.shards)])
    return [...shards].reduce((sum, shard) => sum + elementBytes(shard), 0) <= this.#memoryBytes
  }

  #reader(array: NpzArray, hold: boolean): ArrayReader {
    const reader = new ArrayReader(array, shard => this.#samples(shard, hold))
    this.#open.add(reader)
    return reader
  }

  async #close(reader: ArrayReader): Promise<void> {
    this.#open.delete(reader)
    await reader.close()
  }

  async #samples(shard: ShardArray, hold: boolean): Promise<SampleReader> {
    if (hold) return memorySamples(shard, await this.#elements(shard))
    if (shard.header.fortranOrder) return memorySamples(shard, await loadElements(shard, this.#count))
    return streamSamples(shard, this.#count)
  }

  #elements(shard: ShardArray): Promise<ArrayBuffer> {
    const held = this.#held.get(shard)
    if (held) return held
    const loading = loadElements(shard, this.#count)
    this.#held.set(shard, loading)
    loading.catch(() => this.#held.delete(shard))
    return loading
  }

  async #constants(arrays: readonly NpzArray[]): Promise<Map<string, ArrayValues>> {
    const values = new Map<string, ArrayValues>()
    for (const { name, dtype, shards } of arrays) {
      const [shard] = shards
      if (shard) values.set(name, { dtype, dims: [], data: await constant(shard, this.#count) })
    }
    return values
  }
}

async function constant(shard: ShardArray, count: ReadCount) {
  return elementsOf(shard.header, shard.name, await loadElements(shard, count), 0, 1)
}

/** Refuses an array without axes whose value differs between files, since it belongs to all samples. */
async function requireOneConstant({ name, dims, shards }: NpzArray, count: ReadCount): Promise<void> {
  const [first, ...others] = shards
  if (first === undefined || dims.length > 0 || others.length === 0) return
  const expected = await constant(first, count)
  for (const other of others) {
    const [value] = await constant(other, count)
    if (Object.is(value, expected[0])) continue
    throw malformedDataset(
      `The array ${name} has no axes, so that it belongs to all samples, but is ${expected[0]} in one file and ${value} in another. Give it an axis of samples.`,
      { tensor: name },
    )
  }
}
