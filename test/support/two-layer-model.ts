import type { NpyArray } from './npz.ts'
import { npz } from './npz.ts'
import { float32Tensor, linearModel } from './onnx-model.ts'

/** Returns y = relu(x A) B: two layers, so that neurons can be in any order. `neurons`: their weights in and out, in order. */
export function twoLayerModel(neurons: readonly { into: readonly number[]; out: number }[]): Uint8Array<ArrayBuffer> {
  const inputs = neurons[0]?.into.length ?? 0
  return linearModel(
    neurons.map(({ out }) => out),
    [0],
    ({ graph }) => {
      const matrix = Array.from({ length: inputs }, (_, input) => neurons.map(({ into }) => into[input] ?? 0)).flat()
      graph.initializer = [
        float32Tensor('A', [inputs, neurons.length], matrix),
        float32Tensor(
          'B',
          [neurons.length, 1],
          neurons.map(({ out }) => out),
        ),
      ]
      graph.node = [
        { name: 'first', opType: 'MatMul', input: ['x', 'A'], output: ['hidden'] },
        { name: 'relu', opType: 'Relu', input: ['hidden'], output: ['active'] },
        { name: 'second', opType: 'MatMul', input: ['active', 'B'], output: ['y'] },
      ]
      const [dim] = graph.input?.[0]?.type?.tensorType?.shape?.dim?.slice(1) ?? []
      if (dim) dim.dimValue = inputs
    },
  )
}

/** Returns four neurons that compute |x_0| + |x_1|, rotated by `shift`: the same function with other weights. */
export function absoluteSum(shift: number, scale = 1): Uint8Array<ArrayBuffer> {
  const neurons = [
    { into: [1, 0], out: scale },
    { into: [-1, 0], out: scale },
    { into: [0, 1], out: scale },
    { into: [0, -1], out: scale },
  ]
  return twoLayerModel([...neurons.slice(shift), ...neurons.slice(0, shift)])
}

/** Returns samples for such models: `x` on a grid, and the `target` |x_0| + |x_1|. */
export function absoluteSumData(): Uint8Array<ArrayBuffer> {
  const points = Array.from({ length: 121 }, (_, index) => [(index % 11) - 5, Math.floor(index / 11) - 5])
  const x: NpyArray = { descr: '<f4', shape: [121, 2], data: Float32Array.from(points.flat()) }
  const sums = points.map(([a = 0, b = 0]) => Math.abs(a) + Math.abs(b))
  return npz({ x, target: { descr: '<f4', shape: [121, 1], data: Float32Array.from(sums) } })
}
