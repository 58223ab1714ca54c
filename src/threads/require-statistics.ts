import { crashed } from '../evaluate/evaluator-failures.ts'
import type { TensorValues } from '../merge/rewrite-model.ts'
import type { ByteSource } from '../onnx/byte-source.ts'
import { findBatchNorms } from '../onnx/graph/batch-norms.ts'
import { readLayout } from '../onnx/read-layout.ts'
import { decodeSkeleton } from '../onnx/skeleton.ts'
import { dtypeName } from '../tensor/dtype.ts'
import { floatFormat } from '../tensor/float-format.ts'

/**
 * Requires the statistics of all measurable batch norms of a model, and no other tensor. An evaluator has measured them, which the model may
 * have taken over: other values would change other weights, or shift the bytes behind them.
 *
 * @param source the file of the model
 * @throws TureenError `TUREEN_EVALUATION_CRASHED` if tensors, lengths or values do not fit
 */
export function requireStatistics(source: ByteSource, values: TensorValues): void {
  const layout = readLayout(source)
  const { measurable } = findBatchNorms(layout, decodeSkeleton(layout))
  const tensors = measurable.flatMap(({ mean, variance }) => [mean, variance])
  const isMeasured = tensors.every(({ path, dataType, elements }) => {
    const format = floatFormat(dtypeName(dataType))
    const bytes = values.get(path)
    return bytes?.byteLength === elements * format.bytes && format.countNonFinite(bytes, elements) === 0
  })
  if (!isMeasured || new Set(tensors.map(({ path }) => path)).size !== values.size)
    throw crashed('measured other tensors than the statistics of batch norms, or not all of them')
}
