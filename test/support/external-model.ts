import { createHash } from 'node:crypto'
import type { onnx } from 'onnx-proto'
import { elementType, linearModel } from './onnx-model.ts'

type Bytes = Uint8Array<ArrayBuffer>

/** A model of several files: its own file, and its external data by location. */
export type ModelInFiles = { main: Bytes; data: Record<string, Bytes> }

/** Place of a tensor of {@link externalModel}; without an offset and a length if they are optional. */
type Place = { location: string; offset?: number; length?: number }

/** Returns y = x W + b with its weights W [2, 2] and b [2] in files beside it. */
export function externalModel(
  weights: readonly number[],
  bias: readonly number[],
  places: { W: Place; b: Place } = {
    W: { location: 'weights/W.bin', offset: 0, length: 16 },
    b: { location: 'b.bin' },
  },
): ModelInFiles {
  // A location may be __proto__.
  const data: Record<string, Bytes> = Object.create(null)
  const tensor = (name: 'W' | 'b', dims: number[], values: readonly number[]): onnx.ITensorProto => {
    const { location, offset, length } = places[name]
    const bytes = new Uint8Array(Float32Array.from(values).buffer)
    const before = data[location] ?? new Uint8Array(0)
    const file = new Uint8Array(Math.max(before.byteLength, (offset ?? 0) + bytes.byteLength))
    file.set(before)
    file.set(bytes, offset ?? 0)
    data[location] = file
    const entries = Object.entries({ location, offset, length })
    const externalData = entries.flatMap(([key, value]) => (value === undefined ? [] : [{ key, value: String(value) }]))
    return { name, dims, dataType: elementType.float32, dataLocation: 1, externalData }
  }
  const main = linearModel([0, 0, 0, 0], [0, 0], ({ graph }) => {
    graph.initializer = [tensor('W', [2, 2], weights), tensor('b', [2], bias)]
  })
  return { main, data }
}

/** Returns a form that uploads a model with its data. */
export function modelForm({ main, data }: ModelInFiles, form = new FormData()): FormData {
  form.append('model', new Blob([main]), 'model.onnx')
  for (const [location, bytes] of Object.entries(data)) form.append('data', new Blob([bytes]), location)
  return form
}

/** Returns the digest of a model of several files, as the API documents it. */
export function digestOfFiles({ main, data }: ModelInFiles): string {
  const sha256 = (bytes: Bytes) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`
  const files = [['', main] as const, ...Object.entries(data)].sort(([a], [b]) => (a < b ? -1 : 1))
  const list = JSON.stringify(files.map(([location, bytes]) => [location, bytes.byteLength, sha256(bytes)]))
  return `sha256:${createHash('sha256').update(list).digest('hex')}`
}
