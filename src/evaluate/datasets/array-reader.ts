import { type ArrayValues, type ElementArray, viewElements } from './array-values.ts'
import type { NpzArray } from './npz-arrays.ts'
import type { SampleReader, ShardArray } from './shard-array.ts'

/** Reads the samples of an array in order, across the npz files of a data set. */
export class ArrayReader {
  readonly array: NpzArray
  readonly #open: (shard: ShardArray) => Promise<SampleReader>
  #shard = 0
  #samplesLeft: number
  #current: SampleReader | null = null
  #closed = false

  /** Creates a reader before the first sample. @param open opens the array of one file; called when its first sample is needed */
  constructor(array: NpzArray, open: (shard: ShardArray) => Promise<SampleReader>) {
    this.array = array
    this.#open = open
    this.#samplesLeft = array.shards[0]?.header.dims[0] ?? 0
  }

  /** Returns the next `samples` samples, with dims [samples, ...]. The array must have that many left. */
  async take(samples: number): Promise<ArrayValues> {
    const pieces: (ElementArray | string[])[] = []
    for (let wanted = samples; wanted > 0; ) {
      if (this.#samplesLeft === 0) await this.#nextShard()
      const count = Math.min(wanted, this.#samplesLeft)
      if (count === 0) continue
      const reader = await this.#reader()
      pieces.push(await reader.take(count))
      this.#samplesLeft -= count
      wanted -= count
    }
    const { dtype, dims } = this.array
    return { dtype, dims: [samples, ...dims.slice(1)], data: concatenate(dtype, pieces) }
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#closeCurrent()
  }

  async #closeCurrent(): Promise<void> {
    const current = this.#current
    this.#current = null
    await current?.close()
  }

  async #reader(): Promise<SampleReader> {
    if (this.#current) return this.#current
    const shard = this.array.shards[this.#shard]
    if (shard === undefined) throw new RangeError(`${this.array.name} has no samples left`)
    this.#requireOpen()
    const opened = await this.#open(shard)
    this.#current = opened
    // If the reader was closed meanwhile, nobody else would close this file.
    if (this.#closed) await this.#closeCurrent()
    this.#requireOpen()
    return opened
  }

  #requireOpen(): void {
    if (this.#closed) throw new Error('the data set was closed while it was being read')
  }

  async #nextShard(): Promise<void> {
    await this.#closeCurrent()
    this.#shard += 1
    const shard = this.array.shards[this.#shard]
    if (shard === undefined) throw new RangeError(`${this.array.name} has no samples left`)
    this.#samplesLeft = shard.header.dims[0] ?? 0
  }
}

function concatenate(dtype: string, pieces: readonly (ElementArray | string[])[]): ElementArray | string[] {
  const [only] = pieces
  if (only !== undefined && pieces.length === 1) return only
  if (dtype === 'string') return pieces.flatMap(piece => (Array.isArray(piece) ? piece : []))
  const arrays = pieces.filter(isElementArray)
  const bytes = new Uint8Array(arrays.reduce((sum, { byteLength }) => sum + byteLength, 0))
  let at = 0
  for (const { buffer, byteOffset, byteLength } of arrays) {
    bytes.set(new Uint8Array(buffer, byteOffset, byteLength), at)
    at += byteLength
  }
  const elements = arrays.reduce((sum, { length }) => sum + length, 0)
  return viewElements(dtype, bytes.buffer, 0, elements)
}

function isElementArray(piece: ElementArray | string[]): piece is ElementArray {
  return !Array.isArray(piece)
}
