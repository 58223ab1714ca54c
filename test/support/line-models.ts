import { npz } from './npz.ts'
import { linearModel } from './onnx-model.ts'

/** Returns a model of y = slopes · x without a bias. Its soup with a model of other slopes has the weighted mean of both slopes. */
export function lineModel(...slopes: number[]): Uint8Array<ArrayBuffer> {
  return linearModel(slopes, [0])
}

/** Returns a data set of samples, each with its inputs `x` and the `target` of y. */
export function lineData(samples: readonly { x: readonly number[]; target: number }[]): Uint8Array<ArrayBuffer> {
  const inputs = samples[0]?.x.length ?? 0
  return npz({
    x: { descr: '<f4', shape: [samples.length, inputs], data: Float32Array.from(samples.flatMap(({ x }) => x)) },
    target: { descr: '<f4', shape: [samples.length, 1], data: Float32Array.from(samples, ({ target }) => target) },
  })
}
