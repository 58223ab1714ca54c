import { elementType, linearModel } from './onnx-model.ts'

/** Returns a model of one layer with this number of weights. It needs no JavaScript list of them. */
export function bigModel(elements: number): Uint8Array<ArrayBuffer> {
  return linearModel([], [1, 2, 3, 4], ({ graph }) => {
    const values = new Float32Array(elements)
    for (let index = 0; index < elements; index += 1) values[index] = index % 251
    const matrix = { name: 'W', dims: [elements / 4, 4], dataType: elementType.float32 }
    graph.initializer = [{ ...matrix, rawData: new Uint8Array(values.buffer) }, ...(graph.initializer?.slice(1) ?? [])]
  })
}
