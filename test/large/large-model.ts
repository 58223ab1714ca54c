import { open } from 'node:fs/promises'
import { join } from 'node:path'
import onnxProto, { type onnx } from 'onnx-proto'

const { ModelProto } = onnxProto.onnx

/** Elements in a row of a table. */
export const rowElements = 64
const pageElements = 1 << 20
export const dataLocation = 'weights/tables.bin'

/**
 * Writes a model whose weights lie in one file beside it: y = the sum over its tables of the rows that `index` names. Models of
 * the same size are variants of one network; another seed means other weights, in every page.
 *
 * @param bytes of all tables together
 * @returns where its two files lie
 */
export async function writeLargeModel(
  directory: string,
  name: string,
  bytes: number,
  seed: number,
): Promise<{ main: string; data: string; tables: number; rows: number }> {
  const tables = Math.max(1, Math.round(bytes / (128 << 20)))
  const rows = Math.floor(bytes / tables / 4 / rowElements)
  const main = join(directory, `${name}.onnx`)
  const data = join(directory, `${name}.bin`)
  const file = await open(data, 'w')
  try {
    const page = new Float32Array(pageElements)
    for (let done = 0; done < tables * rows * rowElements; done += pageElements) {
      fillPage(page, done, seed)
      await file.write(new Uint8Array(page.buffer, 0, 4 * Math.min(pageElements, tables * rows * rowElements - done)))
    }
  } finally {
    await file.close()
  }
  const model = await open(main, 'w')
  await model.write(ModelProto.encode(ModelProto.create(graphOf(tables, rows))).finish())
  await model.close()
  return { main, data, tables, rows }
}

/** Numbers in [-1, 1) that differ from element to element and from seed to seed: a multiplicative hash of the place. */
function fillPage(page: Float32Array, from: number, seed: number): void {
  for (let i = 0; i < page.length; i += 1) page[i] = Math.imul(from + i + 1, 0x9e3779b1 + 2 * seed) / 0x80000000
}

function graphOf(tables: number, rows: number): onnx.IModelProto {
  const float32 = 1
  const int64 = 7
  const value = (name: string, elemType: number, dims: onnx.TensorShapeProto.IDimension[]) => ({
    name,
    type: { tensorType: { elemType, shape: { dim: dims } } },
  })
  const length = rows * rowElements * 4
  const names = Array.from({ length: tables }, (_, index) => `table${index}`)
  return {
    irVersion: 8,
    producerName: 'tureen-large',
    opsetImport: [{ domain: '', version: 13 }],
    graph: {
      name: 'tables',
      node: [
        ...names.map(name => ({
          opType: 'Gather',
          name: `look up ${name}`,
          input: [name, 'index'],
          output: [`${name} row`],
        })),
        { opType: 'Sum', name: 'sum', input: names.map(name => `${name} row`), output: ['y'] },
      ],
      initializer: names.map((name, index) => ({
        name,
        dims: [rows, rowElements],
        dataType: float32,
        dataLocation: 1,
        externalData: Object.entries({ location: dataLocation, offset: index * length, length }).map(([key, each]) => ({
          key,
          value: String(each),
        })),
      })),
      input: [value('index', int64, [{ dimParam: 'n' }])],
      output: [value('y', float32, [{ dimParam: 'n' }, { dimValue: rowElements }])],
    },
  }
}
