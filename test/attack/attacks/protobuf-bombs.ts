import { gzipSync } from 'node:zlib'
import { doublingFunctions, nestedFunctions } from '../../support/hostile-models.ts'
import { malformedModels } from '../../support/malformed-models.ts'
import { linearModel } from '../../support/onnx-model.ts'
import { bytesField, modelBytes, onnxField, tensorBytes, varint, varintField } from '../../support/wire-bytes.ts'

const { model, graph, node, attribute, tensor } = onnxField
const times = (count: number, bytes: Uint8Array) => Buffer.concat(Array.from({ length: count }, () => bytes))

function nestedGraphs(depth: number): Buffer {
  let inner = Buffer.alloc(0)
  for (let level = 0; level < depth; level += 1)
    inner = Buffer.from(bytesField(graph.node, bytesField(node.attribute, bytesField(attribute.g, inner))))
  return bytesField(model.graph, inner)
}

const raw = (dims: readonly (number | bigint)[], bytes: number) =>
  modelBytes([tensorBytes('W', 1, dims, bytesField(tensor.rawData, Buffer.alloc(bytes)))])

/** Where the external data of a tensor is said to lie. */
const external = (entries: Record<string, string>) =>
  modelBytes([
    tensorBytes(
      'W',
      1,
      [1],
      varintField(tensor.dataLocation, 1),
      ...Object.entries(entries).map(([key, value]) =>
        bytesField(tensor.externalData, [bytesField(1, key), bytesField(2, value)]),
      ),
    ),
  ])

/** Small files that are no sound models, by what they do to whoever reads them carelessly. Each is refused. */
export const protobufBombs = (): Record<string, Uint8Array> => ({
  'graphs inside each other': nestedGraphs(1_700),
  'functions that double 64 times': doublingFunctions(64),
  'functions 3,000 deep that double': doublingFunctions(3_000),
  'terabytes that are not there': raw([2 ** 40], 8),
  'a product that overflows': raw([2n ** 62n, 4n, 2n], 8),
  'negative dims': raw([-1n, -2n], 8),
  'a million dims': raw(
    Array.from({ length: 200_000 }, () => 1),
    8,
  ),
  'a length beyond the file': Buffer.concat([varint(model.graph * 8 + 2), varint(2n ** 40n), Buffer.alloc(100)]),
  'a negative length': Buffer.concat([varint(model.graph * 8 + 2), varint(-1n), Buffer.alloc(100)]),
  'a varint that never ends': Buffer.alloc(1_000_000, 0xff),
  'groups inside each other': Buffer.alloc(1_000_000, 0x3b),
  'field number zero': Buffer.alloc(1_000_000),
  'an offset that is negative': external({ location: 'a', offset: '-4' }),
  'an offset beyond 64 bits': external({ location: 'a', offset: '99999999999999999999999' }),
  'a gzip': gzipSync(Buffer.alloc(100_000_000)),
  nothing: Buffer.alloc(0),
  'half a model': Buffer.from(linearModel([1, 2, 3, 4], [5, 6])).subarray(0, -30),
  ...malformedModels,
})

/** Files that may be taken or refused, and must cost little. A location is a key to what is uploaded for it, and never a path. */
export const protobufLoads = (): Record<string, Uint8Array> => ({
  'a location that is absolute': external({ location: '/etc/passwd' }),
  'a location that climbs': external({ location: '../../etc/passwd' }),
  'a location in memory': external({ location: '*/_ORT_MEM_ADDR_/*', offset: '4096', length: '4' }),
  'functions 3,000 deep': nestedFunctions(3_000),
  'a million unknown fields': Buffer.concat([times(500_000, varintField(1000, 1)), linearModel([1], [1])]),
  'a graph in 10,000 pieces': Buffer.concat([
    times(10_000, bytesField(model.graph, [bytesField(graph.name, 'g')])),
    linearModel([1], [1]),
  ]),
  'a million empty texts': modelBytes([
    tensorBytes('W', 8, [1_000_000], times(1_000_000, bytesField(tensor.stringData, ''))),
  ]),
  'a million floats one by one': modelBytes([
    tensorBytes('W', 1, [400_000], times(400_000, bytesField(tensor.floatData, Buffer.alloc(4)))),
  ]),
  'a name of a megabyte': modelBytes([
    tensorBytes('n'.repeat(1_000_000), 1, [1], bytesField(tensor.rawData, Buffer.alloc(4))),
  ]),
  'a million opsets': Buffer.concat([
    times(150_000, bytesField(model.opsetImport, [bytesField(1, 'd'), varintField(2, 1)])),
    linearModel([1], [1]),
  ]),
})
