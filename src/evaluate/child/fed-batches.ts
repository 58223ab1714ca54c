import type ort from 'onnxruntime-node'
import type { Binding } from '../binding.ts'
import type { ArrayValues, Dataset } from '../datasets/dataset.ts'
import type { Values } from '../metrics/metric.ts'
import { arrayOf, feedsOf, takenTypes } from './feeds.ts'

/** Consecutive samples, ready to run. `values`: the arrays; `scored`: those that were already read as numbers for scoring. */
export type FedBatch = {
  samples: number
  feeds: Record<string, ort.Tensor>
  values: ReadonlyMap<string, ArrayValues>
  scored: Map<string, Values>
}

/** A pass over samples. `arrays`: all that are read; `targets`: those of them that outputs are compared with. */
export type Pass = {
  dataset: Dataset
  binding: Binding
  arrays: readonly string[]
  targets: readonly string[]
  total: number
}

type Inputs = Pick<ort.InferenceSession, 'inputMetadata'>

/** Returns the batches of a pass as inputs of an opened model. A batch is valid until the next one. */
export type FedBatches = (pass: Pass, session: Inputs) => AsyncIterable<FedBatch> | Iterable<FedBatch>

/** Reads and converts each batch. */
export const readBatches = async function* (
  { dataset, binding, arrays, total }: Pass,
  session: Inputs,
): AsyncGenerator<FedBatch> {
  for await (const batch of dataset.batches(arrays, binding.batchSize, total))
    yield { ...batch, feeds: feedsOf(batch, binding, session), scored: new Map() }
}

type KeptPass = { dataset: Dataset; key: string; batches: FedBatch[]; bytes: number }

/**
 * Returns batches like {@link readBatches}. It keeps the batches of the last passes for the next models that take the same types. All together
 * take at most `mostBytes` bytes of memory. Batches with texts are not kept.
 */
export function keptBatches(mostBytes: number): FedBatches {
  /** The pass that was used last comes last. */
  let kept: KeptPass[] = []
  /** Lets go of the passes that were used longest ago, until there is room for `bytes` more. */
  const makeRoom = (bytes: number) => {
    let held = kept.reduce((sum, pass) => sum + pass.bytes, 0)
    while (kept.length > 0 && held + bytes > mostBytes) held -= kept.shift()?.bytes ?? 0
  }
  return (pass, session) => {
    const { dataset, binding, arrays, targets, total } = pass
    const key = JSON.stringify([binding, arrays, targets, total, takenTypes(binding, session)])
    const known = kept.find(each => each.dataset === dataset && each.key === key)
    if (known) {
      kept = [...kept.filter(each => each !== known), known]
      return known.batches
    }
    return keeping(pass, session, mostBytes, makeRoom, (batches, bytes) => {
      kept.push({ dataset, key, batches, bytes })
    })
  }
}

async function* keeping(
  pass: Pass,
  session: Inputs,
  mostBytes: number,
  makeRoom: (bytes: number) => void,
  keep: (batches: FedBatch[], bytes: number) => void,
): AsyncGenerator<FedBatch> {
  const batches: FedBatch[] = []
  let bytes = 0
  for await (const batch of readBatches(pass, session)) {
    const values = new Map(pass.targets.map(array => [array, arrayOf(batch.values, array)]))
    bytes += [...values.values(), ...Object.values(batch.feeds)].reduce((sum, { data }) => sum + bytesOf(data), 0)
    if (bytes > mostBytes) {
      batches.length = 0
      yield batch
      continue
    }
    makeRoom(bytes)
    const own = { ...batch, values: new Map([...values].map(([array, value]) => [array, ownValues(value)])) }
    batches.push(own)
    yield own
  }
  if (bytes <= mostBytes) keep(batches, bytes)
}

/** Returns the bytes of elements; infinite for texts. */
function bytesOf(data: unknown): number {
  return ArrayBuffer.isView(data) ? data.byteLength : Number.POSITIVE_INFINITY
}

function ownValues({ data, ...array }: ArrayValues): ArrayValues {
  return { ...array, data: data.slice() }
}
