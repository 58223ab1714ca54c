import { normalize } from 'node:path'
import ort from 'onnxruntime-node'
import { type ByteSource, readBytes } from '../../src/onnx/byte-source.ts'
import type { ModelFiles } from '../../src/onnx/external-data.ts'
import { seededRandom } from './random.ts'

export type InterfaceNames = { inputs: readonly string[]; outputs: readonly string[] }

/** Output of a model as text with all bits, with the names of its inputs and outputs; or the reason why it could not be run. */
export type Run = { outputs: string[]; names: InterfaceNames } | { reason: string }

/** Size for open dimensions after the first: audio has some thousand samples. */
const openSize = 1536

/**
 * Runs a model on random inputs. Models with the same inputs get the same values for one seed: inputs with the same name, or in the same
 * place if names differ.
 *
 * @param as names of another model: where this one has the same in another order, its inputs are filled and its outputs told in that order
 */
export async function runModel({ source, data }: ModelFiles, seed: number, as?: InterfaceNames): Promise<Run> {
  try {
    const session = await ort.InferenceSession.create(contentOf(source), {
      externalData: [...data].map(([path, file]) => ({ path: normalize(path), data: contentOf(file) })),
      intraOpNumThreads: 1,
      interOpNumThreads: 1,
      executionMode: 'sequential',
      graphOptimizationLevel: 'disabled',
      logSeverityLevel: 4,
    })
    const random = seededRandom(seed)
    const feeds: Record<string, ort.Tensor> = {}
    const inputs = inOrder(session.inputMetadata, ({ name }) => name, as?.inputs)
    for (const input of inputs) {
      if (!input.isTensor) throw new Error(`the input ${input.name} is no tensor`)
      feeds[input.name] = randomTensor(
        input.type,
        input.shape.map((dim, axis) => (typeof dim === 'number' && dim > 0 ? dim : axis === 0 ? 1 : openSize)),
        () => random.next() * 2 - 1,
      )
    }
    const results = await session.run(feeds)
    const names = {
      inputs: inputs.map(({ name }) => name),
      outputs: inOrder(session.outputNames, name => name, as?.outputs),
    }
    const outputs = names.outputs.map(name => shown(results[name]))
    await session.release()
    return { outputs, names }
  } catch (error) {
    return { reason: error instanceof Error ? error.message : String(error) }
  }
}

/** Returns items in the order of a list of names; in their own order if the list has others. */
function inOrder<Item>(items: readonly Item[], nameOf: (item: Item) => string, names: readonly string[] = []): Item[] {
  const byName = new Map(items.map(item => [nameOf(item), item]))
  const found = names.flatMap(name => byName.get(name) ?? [])
  return found.length === items.length && names.length === items.length ? found : [...items]
}

function contentOf(source: ByteSource): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(readBytes(source, 0, source.byteLength))
}

function shown(result: ort.OnnxValue | undefined): string {
  if (!(result instanceof ort.Tensor)) throw new Error('puts out something that is no tensor')
  const { type, dims, data } = result
  const values = ArrayBuffer.isView(data)
    ? Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('hex')
    : JSON.stringify(data)
  return `${type}[${dims.join(', ')}] ${values}`
}

function randomTensor(type: string, dims: number[], next: () => number): ort.Tensor {
  const count = dims.reduce((product, dim) => product * dim, 1)
  const values = Array.from({ length: count }, next)
  const whole = values.map(value => Math.abs(Math.round(value * 3)))
  switch (type) {
    case 'float32':
      return new ort.Tensor(type, Float32Array.from(values), dims)
    case 'float64':
      return new ort.Tensor(type, Float64Array.from(values), dims)
    case 'int64':
      return new ort.Tensor(type, BigInt64Array.from(whole, BigInt), dims)
    case 'int32':
      return new ort.Tensor(type, Int32Array.from(whole), dims)
    case 'int8':
      return new ort.Tensor(type, Int8Array.from(whole), dims)
    case 'uint8':
      return new ort.Tensor(type, Uint8Array.from(whole), dims)
    case 'bool':
      return new ort.Tensor(
        type,
        Uint8Array.from(whole, value => value % 2),
        dims,
      )
    default:
      throw new Error(`no input of type ${type} can be made`)
  }
}
