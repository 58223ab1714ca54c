import type { ModelInFiles } from './external-model.ts'
import { elementType } from './onnx-model.ts'
import { encodeModel } from './rich-model.ts'

const tensorBytes = 64

/** y = x + t0 + t1 + ..., each of the `count` tensors in a file of its own, as some exporters write them. `seed`: models of two seeds share no file. */
export function manyFilesModel(count: number, seed = 0): ModelInFiles {
  const names = Array.from({ length: count }, (_, index) => `t${index}`)
  const value = (name: string) => ({ name, type: { tensorType: { elemType: elementType.float32 } } })
  const main = encodeModel({
    irVersion: 8,
    opsetImport: [{ version: 13 }],
    graph: {
      name: 'many files',
      input: [value('x')],
      output: [value(`y${count}`)],
      node: names.map((name, index) => ({
        opType: 'Add',
        input: [index === 0 ? 'x' : `y${index}`, name],
        output: [`y${index + 1}`],
      })),
      initializer: names.map(name => ({
        name,
        dims: [tensorBytes / 4],
        dataType: elementType.float32,
        dataLocation: 1,
        externalData: [{ key: 'location', value: `${name}.bin` }],
      })),
    },
  })
  const data = names.map((name, index): [string, Uint8Array<ArrayBuffer>] => [
    `${name}.bin`,
    new Uint8Array(Float32Array.from({ length: tensorBytes / 4 }, (_, place) => seed + index + place / 16).buffer),
  ])
  return { main: Uint8Array.from(main), data: Object.fromEntries(data) }
}
