import { elementSource } from '../onnx/elements.ts'
import type { TensorEntry } from '../onnx/layout.ts'
import { dtypeName, dtypeOf } from '../tensor/dtype.ts'
import { floatFormat } from '../tensor/float-format.ts'
import type { Derivation } from './derivation.ts'
import { type DerivedTensor, tensorOfValues, valuesOf } from './derived-tensor.ts'
import { around } from './element-moves.ts'
import { digestKey, multisetDigest, placeDigests } from './multiset-digest.ts'
import { type IndexedFiles, readTensor } from './read-tensors.ts'
import { samplePlaces } from './same-values.ts'

/** A float tensor of a checkpoint. */
export type CheckpointSource = {
  key: string
  tensor: TensorEntry
  dtype: string
  dims: readonly number[]
  elements: number
}

/** Called after each read, with its bytes. An error that it throws ends the search. */
export type OnRead = (bytes: number) => void

/** Bytes of tensors in memory that are kept for the next question. */
const keptBytes = 64 * 2 ** 20
/** Bytes that are read at a time; a multiple of the bytes of each element. */
const chunkBytes = 2 ** 20

/** Reads tensors of one file as a whole, and keeps the last ones. */
export class TensorReader {
  readonly #files: IndexedFiles
  readonly #onRead: OnRead
  readonly #kept = new Map<TensorEntry, DerivedTensor>()
  #bytes = 0

  constructor(files: IndexedFiles, onRead: OnRead) {
    this.#files = files
    this.#onRead = onRead
  }

  read(tensor: TensorEntry): DerivedTensor {
    const known = this.#kept.get(tensor)
    if (known) return known
    const read = readTensor(tensor, this.#files)
    this.#onRead(read.bytes.byteLength)
    this.#kept.set(tensor, read)
    this.#bytes += read.bytes.byteLength
    for (const [oldest, { bytes }] of this.#kept) {
      if (this.#bytes <= keptBytes || oldest === tensor) break
      this.#kept.delete(oldest)
      this.#bytes -= bytes.byteLength
    }
    return read
  }

  /** Returns the elements of a tensor at the places of {@link samplePlaces}. */
  samples(tensor: TensorEntry): DerivedTensor {
    const dtype = dtypeName(tensor.dataType)
    const { bytes: width } = floatFormat(dtype)
    const elements = elementSource(tensor, this.#files.source, this.#files.data)
    const { starts, length } = samplePlaces(tensor.elements)
    const bytes = new Uint8Array(starts.length * length * width)
    for (const [run, start] of starts.entries())
      elements.read(start * width, bytes.subarray(run * length * width, (run + 1) * length * width))
    this.#onRead(bytes.byteLength)
    return { dtype, dims: [starts.length * length], bytes }
  }

  /** Returns the key of the digest of a tensor's elements in a float type. */
  digest(tensor: TensorEntry, dtype: string): number {
    const own = dtypeName(tensor.dataType)
    const { bytes: width } = floatFormat(own)
    const elements = elementSource(tensor, this.#files.source, this.#files.data)
    const buffer = new Uint8Array(Math.min(chunkBytes, elements.byteLength))
    let [first, second] = [0, 0]
    for (let at = 0; at < elements.byteLength; at += buffer.byteLength) {
      const bytes = buffer.subarray(0, Math.min(buffer.byteLength, elements.byteLength - at))
      elements.read(at, bytes)
      this.#onRead(bytes.byteLength)
      const part = { dtype: own, dims: [bytes.byteLength / width], bytes }
      const sums = multisetDigest(castTensor(part, dtype).bytes, floatFormat(dtype).bytes)
      first = (first + sums.first) | 0
      second = (second + sums.second) | 0
    }
    return digestKey({ first, second })
  }
}

/** Returns the derivation of a whole tensor of a checkpoint in a float type. */
export function sourceAs({ key, dtype: own }: CheckpointSource, dtype: string): Derivation {
  const leaf: Derivation = { op: 'tensor', key }
  return own === dtype ? leaf : { op: 'cast', of: leaf, dtype }
}

/** Returns a tensor in another float type, each value rounded once. */
export function castTensor(tensor: DerivedTensor, dtype: string): DerivedTensor {
  return tensor.dtype === dtype ? tensor : tensorOfValues(dtype, tensor.dims, valuesOf(tensor))
}

/** The float tensors of a checkpoint, with their digests in any float type, each computed once. */
export class CheckpointSources {
  readonly all: readonly CheckpointSource[]
  readonly #reader: TensorReader
  readonly #byKey: ReadonlyMap<string, CheckpointSource>
  readonly #bySize: ReadonlyMap<number, readonly CheckpointSource[]>
  readonly #samples = new Map<string, DerivedTensor>()
  readonly #digests = new Map<string, number>()
  readonly #places = new Map<string, PlaceSums>()

  constructor(files: IndexedFiles, onRead: OnRead) {
    this.#reader = new TensorReader(files, onRead)
    this.all = files.layout.tensors
      .filter(({ dataType, elements }) => dtypeOf(dataType)?.float && elements > 0)
      .map(tensor => ({
        key: tensor.name,
        tensor,
        dtype: dtypeName(tensor.dataType),
        dims: tensor.dims,
        elements: tensor.elements,
      }))
    this.#bySize = Map.groupBy(this.all, ({ elements }) => elements)
    this.#byKey = new Map(this.all.map(source => [source.key, source]))
  }

  /** Returns a tensor in a float type. */
  read({ tensor }: CheckpointSource, dtype: string): DerivedTensor {
    return castTensor(this.#reader.read(tensor), dtype)
  }

  /** Returns a tensor by its key, in its own type. @throws RangeError for a key that is no float tensor */
  whole(key: string): DerivedTensor {
    const source = this.#byKey.get(key)
    if (!source) throw new RangeError(`the checkpoint has no float tensor ${key}`)
    return this.#reader.read(source.tensor)
  }

  /** Returns the tensors with a number of elements. */
  ofSize(elements: number): readonly CheckpointSource[] {
    return this.#bySize.get(elements) ?? []
  }

  /** Returns the elements of a tensor at the places of {@link samplePlaces}, in a float type. */
  samples({ key, tensor }: CheckpointSource, dtype: string): DerivedTensor {
    const name = `${dtype} ${key}`
    const known = this.#samples.get(name) ?? castTensor(this.#reader.samples(tensor), dtype)
    this.#samples.set(name, known)
    return known
  }

  /** Returns the key of a tensor's digest in a float type. */
  digest({ key, tensor }: CheckpointSource, dtype: string): number {
    const name = `${dtype} ${key}`
    const known = this.#digests.get(name) ?? this.#reader.digest(tensor, dtype)
    this.#digests.set(name, known)
    return known
  }

  /** Returns the digests of the places of an axis of a tensor, in a float type. */
  places(source: CheckpointSource, dtype: string, axis: number): PlaceSums {
    const name = `${dtype} ${axis} ${source.key}`
    const known = this.#places.get(name) ?? placeSums(this.read(source, dtype), axis)
    this.#places.set(name, known)
    return known
  }
}

/** Returns the key of the digest of the places [start, end) of an axis. */
export type PlaceSums = (start: number, end: number) => number

/** Returns the digests of all ranges of places of an axis. */
export function placeSums({ dtype, dims, bytes }: DerivedTensor, axis: number): PlaceSums {
  const [outer, inner] = around(dims, axis)
  const { first, second } = placeDigests(bytes, floatFormat(dtype).bytes, [outer, dims[axis] ?? 1, inner])
  return (start, end) =>
    digestKey({
      first: ((first[end] ?? 0) - (first[start] ?? 0)) | 0,
      second: ((second[end] ?? 0) - (second[start] ?? 0)) | 0,
    })
}
