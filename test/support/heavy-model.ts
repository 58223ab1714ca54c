import { createHash } from 'node:crypto'
import onnxProto from 'onnx-proto'
import { elementType } from './onnx-model.ts'
import { seededRandom } from './random.ts'
import { scattered } from './scattered.ts'

const { GraphProto, ModelProto, TensorProto } = onnxProto.onnx

/**
 * A valid model of any size that is never held in memory as a whole: its float32 weights are cut from one pool of random numbers.
 * Models with the same `tensors` (elements of each) are variants of one network; another `seed` means other weights.
 */
export type HeavyModel = { tensors: readonly number[]; seed: number; bytes: number; parts: readonly Part[] }

type Part = { kind: 'bytes'; bytes: Uint8Array } | { kind: 'weights'; start: number; elements: number }

const poolElements = 1 << 22
const chunkElements = 1 << 16

let filledPool: Float32Array<ArrayBuffer> | undefined

function pool(): Float32Array<ArrayBuffer> {
  if (filledPool) return filledPool
  filledPool = scattered(poolElements, 1, 0x9e3779b1)
  return filledPool
}

export function heavyModel(tensors: readonly number[], seed: number): HeavyModel {
  const random = seededRandom(seed)
  const names = tensors.map((_, index) => `W${index}`)
  const graph = GraphProto.encode({
    name: 'heavy',
    node: names.map(name => ({ name: `carry ${name}`, opType: 'Identity', input: [name], output: [`${name} out`] })),
    output: names.map((name, index) => ({
      name: `${name} out`,
      type: {
        tensorType: { elemType: elementType.float32, shape: { dim: [{ dimValue: tensors[index] ?? 0 }] } },
      },
    })),
  }).finish()
  const initializers = tensors.map((elements, index): Part[] => {
    const head = TensorProto.encode({
      name: names[index] ?? '',
      dims: [elements],
      dataType: elementType.float32,
    }).finish()
    const framedHead = Buffer.concat([head, field(9, elements * 4)])
    const frame = field(5, framedHead.byteLength + elements * 4)
    const start = random.integer(0, poolElements - 1)
    return [
      { kind: 'bytes', bytes: Buffer.concat([frame, framedHead]) },
      { kind: 'weights', start, elements },
    ]
  })
  const head = ModelProto.encode({
    irVersion: 8,
    producerName: `tureen-tests ${seed}`,
    opsetImport: [{ domain: '', version: 13 }],
  }).finish()
  const graphBytes = graph.byteLength + byteLength(initializers.flat())
  const parts: Part[] = [
    { kind: 'bytes', bytes: Buffer.concat([head, field(7, graphBytes), graph]) },
    ...initializers.flat(),
  ]
  return { tensors, seed, bytes: byteLength(parts), parts }
}

/** Yields the file in pieces. */
export function* modelBytes(model: HeavyModel): Generator<Uint8Array<ArrayBuffer>> {
  for (const part of model.parts) {
    if (part.kind === 'bytes') yield Uint8Array.from(part.bytes)
    else for (const { from, count } of chunksOf(part.elements)) yield bytesOf(weightsAt(part, from, count))
  }
}

/** Returns the file as one buffer, for smaller models. */
export function modelBuffer(model: HeavyModel): Buffer<ArrayBuffer> {
  return Buffer.concat([...modelBytes(model)])
}

/**
 * Yields the file of a soup of the models, without provenance: the bytes of the first model with averaged weights as DESIGN.md defines them,
 * computed here in the simplest way.
 */
export function* soupBytes(
  inputs: readonly { model: HeavyModel; weight: number }[],
): Generator<Uint8Array<ArrayBuffer>> {
  const base = inputs[0]?.model
  const total = inputs.reduce((sum, { weight }) => sum + weight, 0)
  for (const [index, part] of (base?.parts ?? []).entries()) {
    if (part.kind === 'bytes') {
      yield Uint8Array.from(part.bytes)
      continue
    }
    for (const { from, count } of chunksOf(part.elements)) {
      const sum = new Float64Array(count)
      for (const { model, weight } of inputs) {
        const theirs = model.parts[index]
        if (theirs?.kind !== 'weights') throw new Error('the models are not variants of one network')
        const values = weightsAt(theirs, from, count)
        for (let i = 0; i < count; i += 1) sum[i] = (sum[i] ?? 0) + weight * (values[i] ?? 0)
      }
      yield bytesOf(Float32Array.from(sum, value => value / total))
    }
  }
}

export function digestOf(chunks: Iterable<Uint8Array>): string {
  const hash = createHash('sha256')
  for (const chunk of chunks) hash.update(chunk)
  return `sha256:${hash.digest('hex')}`
}

function weightsAt({ start }: { start: number }, from: number, count: number): Float32Array<ArrayBuffer> {
  const first = (start + from) % poolElements
  const values = new Float32Array(count)
  const run = Math.min(count, poolElements - first)
  values.set(pool().subarray(first, first + run))
  if (run < count) values.set(pool().subarray(0, count - run), run)
  return values
}

function bytesOf({ buffer }: Float32Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  return new Uint8Array(buffer)
}

function chunksOf(elements: number): { from: number; count: number }[] {
  return Array.from({ length: Math.ceil(elements / chunkElements) }, (_, index) => ({
    from: index * chunkElements,
    count: Math.min(chunkElements, elements - index * chunkElements),
  }))
}

function byteLength(parts: readonly Part[]): number {
  return parts.reduce((sum, part) => sum + (part.kind === 'bytes' ? part.bytes.byteLength : part.elements * 4), 0)
}

/** Returns the tag and the length of a length-delimited protobuf field. */
function field(number: number, length: number): Uint8Array {
  return Uint8Array.from([...varint(number * 8 + 2), ...varint(length)])
}

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value % 128) + 128, ...varint(Math.floor(value / 128))]
}
