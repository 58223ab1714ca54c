import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { memorySource } from '../../src/onnx/byte-source.ts'
import { externalFile } from '../corpus/external-files.ts'
import { inspect } from '../corpus/product.ts'
import { linearModel } from '../support/onnx-model.ts'
import { seededRandom } from '../support/random.ts'
import { modelOf, richModel } from '../support/rich-model.ts'
import { projectRoot } from '../support/server.ts'
import { sharedDirectory } from '../support/shared.ts'
import { bytesField, modelBytes, onnxField, tensorBytes, varint, varintField } from '../support/wire-bytes.ts'

/** A sound model from which damaged ones are made, with its external data by location. */
export type SeedModel = { name: string; model: Buffer; data: ReadonlyMap<string, Buffer> }

const { tensor } = onnxField
const largestBytes = 20_000

function externalTensor(
  name: string,
  dataType: number,
  dims: readonly number[],
  entries: Record<string, string>,
): Buffer {
  const fields = Object.entries(entries).map(([key, value]) =>
    bytesField(tensor.externalData, [bytesField(1, key), bytesField(2, value)]),
  )
  return tensorBytes(name, dataType, dims, varintField(tensor.dataLocation, 1), ...fields)
}

/** Tensors in files beside the model, with and without offset and length. */
function externalModel(): SeedModel {
  const random = seededRandom(7)
  const bytes = (length: number) => Buffer.from(Array.from({ length }, () => random.integer(0, 0x3f)))
  const model = modelBytes([
    externalTensor('a', 1, [4, 4], { location: 'weights.bin', offset: '64', length: '64' }),
    externalTensor('b', 10, [8], { location: 'weights.bin', length: '16' }),
    externalTensor('c', 11, [2], { location: 'more/other.bin' }),
    externalTensor('d', 7, [2], { location: 'more/other.bin', offset: '16', length: '16', checksum: 'ab' }),
  ])
  const data = new Map([
    ['weights.bin', bytes(160)],
    ['more/other.bin', bytes(32)],
  ])
  return { name: 'external', model, data }
}

/** Every odd encoding: unpacked, split, overlong, unknown fields, all narrow types. */
function unusualModel(): Buffer {
  return Buffer.concat([
    varintField(1000, 5),
    modelBytes([
      tensorBytes(
        'W',
        10,
        [3],
        varintField(tensor.int32Data, 1),
        bytesField(tensor.int32Data, [varint(2), varint(3, 4)], 5),
      ),
      tensorBytes('S', 8, [2], bytesField(tensor.stringData, 'a'), bytesField(tensor.stringData, '')),
      ...[16, 17, 18, 19, 20].map(type =>
        tensorBytes(`t${type}`, type, [2], bytesField(tensor.int32Data, [varint(1), varint(2)])),
      ),
      ...[21, 22, 23, 24, 25, 26].map(type =>
        tensorBytes(
          `u${type}`,
          type,
          [4],
          bytesField(tensor.rawData, Buffer.alloc(type === 24 ? 4 : type > 24 ? 1 : 2, 0x21)),
        ),
      ),
      tensorBytes('C', 14, [1], bytesField(tensor.rawData, Buffer.alloc(8, 1))),
    ]),
  ])
}

/** Branches in branches, ten deep. */
function nestedModel(): Buffer {
  type Graph = Parameters<typeof modelOf>[0]
  let graph: Graph = { name: 'innermost', initializer: [{ name: 'w', dims: [1], dataType: 1, floatData: [1] }] }
  for (let level = 0; level < 10; level += 1) {
    const attribute = [{ name: 'then_branch', type: 5, g: graph }]
    graph = { name: `level ${level}`, node: [{ opType: 'If', input: ['c'], output: [`o${level}`], attribute }] }
  }
  return Buffer.from(modelOf(graph))
}

/** The project's own small models, and the small ones of the shared corpus where it is present. */
export function seedModels(): SeedModel[] {
  const none = new Map<string, Buffer>()
  const numerics = join(projectRoot, 'test/fixtures/numerics')
  const own = [
    { name: 'rich', model: Buffer.from(richModel()), data: none },
    { name: 'linear', model: Buffer.from(linearModel([1, 2, 3, 4], [5, 6])), data: none },
    { name: 'unusual', model: unusualModel(), data: none },
    { name: 'nested', model: nestedModel(), data: none },
    externalModel(),
    ...['float16-typed-a', 'float64-typed-b', 'bfloat16-typed-c', 'float32-typed-a'].map(name => ({
      name,
      model: readFileSync(join(numerics, `${name}.onnx`)),
      data: none,
    })),
  ]
  const corpus = join(sharedDirectory, 'corpus')
  return existsSync(corpus) ? [...own, ...corpusModels(corpus)] : own
}

function corpusModels(corpus: string): SeedModel[] {
  const paths = readdirSync(corpus, { recursive: true, encoding: 'utf8' }).filter(path => path.endsWith('.onnx'))
  return paths.sort().flatMap(path => {
    const model = readFileSync(join(corpus, path))
    return model.byteLength > largestBytes
      ? []
      : [{ name: basename(path), model, data: dataOf(join(corpus, path), model, corpus) }]
  })
}

function dataOf(path: string, model: Buffer, root: string): ReadonlyMap<string, Buffer> {
  let locations: string[] = []
  try {
    locations = inspect(memorySource(model))
  } catch {
    // One of those that are no sound models; what it is damaged to may be all the stranger.
  }
  return new Map(
    locations.flatMap((location): [string, Buffer][] => {
      const file = externalFile(path, location, root)
      return file === undefined ? [] : [[location, readFileSync(file)]]
    }),
  )
}
