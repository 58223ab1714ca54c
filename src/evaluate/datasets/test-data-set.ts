import type { ArrayValues } from './array-values.ts'
import { pickArray } from './batch-limits.ts'
import type { ArrayDescription, DataBatch, Dataset, DatasetDescription, DatasetFile } from './dataset-types.ts'
import type { ReadCount } from './entry-reader.ts'
import type { Reading } from './npz-dataset.ts'
import { malformedDataset } from './refusals.ts'
import { readTensor, readTensorHeader } from './tensor-file.ts'
import { groupCases, type TestCase } from './test-cases.ts'

/** Opens ONNX's own test data as a data set. @throws TureenError `TUREEN_DATASET_MALFORMED`, `TUREEN_DATASET_UNSUPPORTED` */
export async function openTestDataSet(files: readonly DatasetFile[], reading: Reading): Promise<Dataset> {
  const cases = groupCases(files)
  const count = { bytesRead: 0 }
  const arrays = new Map<string, ArrayDescription>()
  let byteLength = 0
  for (const { directory, tensors } of cases) {
    for (const [array, file] of tensors) {
      const { name, dtype, dims, byteLength: bytes } = readTensorHeader(file, array, count)
      byteLength += bytes
      const first = arrays.get(array)
      if (first && first.dtype !== dtype) {
        throw malformedDataset(
          `${array} is ${dtype} in ${directory} but ${first.dtype} in the cases before. A model's input has one type.`,
          { tensor: array },
        )
      }
      if (!first) arrays.set(array, { name: array, dtype, dims, ...(name === '' ? {} : { tensorName: name }) })
    }
  }
  const description: DatasetDescription = { kind: 'testDataSet', samples: cases.length, arrays: [...arrays.values()] }
  return new TestDataSet(description, byteLength, cases, reading.keep && byteLength <= reading.memoryBytes, count)
}

class TestDataSet implements Dataset {
  readonly description: DatasetDescription
  readonly byteLength: number
  readonly #cases: readonly TestCase[]
  readonly #keep: boolean
  readonly #count: ReadCount
  readonly #held = new Map<DatasetFile, ArrayValues>()

  constructor(
    description: DatasetDescription,
    byteLength: number,
    cases: readonly TestCase[],
    keep: boolean,
    count: ReadCount,
  ) {
    this.description = description
    this.byteLength = byteLength
    this.#cases = cases
    this.#keep = keep
    this.#count = count
  }

  get bytesRead(): number {
    return this.#count.bytesRead
  }

  samplesOf(_names: readonly string[]): number {
    return this.description.samples
  }

  async *batches(
    names: readonly string[],
    _batchSize: number,
    limit = Number.POSITIVE_INFINITY,
  ): AsyncGenerator<DataBatch> {
    for (const { tensors } of this.#cases.slice(0, limit)) {
      yield { samples: 1, values: new Map(names.map(name => [name, this.#read(pickArray(tensors, name), name)])) }
    }
  }

  async close(): Promise<void> {
    this.#held.clear()
  }

  #read(file: DatasetFile, array: string): ArrayValues {
    const held = this.#held.get(file)
    if (held) return held
    const values = readTensor(file, array, this.#count)
    if (this.#keep) this.#held.set(file, values)
    return values
  }
}
