import type { ProblemItem } from '../errors.ts'
import type { ValueDescription } from '../onnx/skeleton.ts'
import { mismatch, refusal } from './binding/binding-refusals.ts'
import type { Binding } from './binding/binding-types.ts'
import { hasNoElements, isMaps, isNotExchanged, isOpened } from './element-kinds.ts'

/** Most other outputs that a refusal names. */
const mostNamed = 10

/** Returns the reason why an input or output cannot be used, and the way out. */
export function notExchanged(place: 'input' | 'output', name: string, dtype: string): string {
  const cast = place === 'input' ? 'from float32 at the input' : 'to float32 at the output'
  return `the ${place} ${name} is ${dtype}, which onnxruntime-node cannot exchange with Node; add a Cast ${cast}, and upload the model again`
}

/**
 * Refuses a model with an input whose type onnxruntime-node cannot exchange.
 * @throws TureenError `TUREEN_DATASET_MISMATCH` with each such input
 */
export function requireExchangedInputs(inputs: readonly ValueDescription[]): void {
  const errors = inputs
    .filter(({ dtype }) => isNotExchanged(dtype))
    .map(({ name, dtype }) => ({
      field: `inputs.${name}`,
      tensor: name,
      expected: 'float32',
      actual: dtype,
      message: notExchanged('input', name, dtype),
    }))
  if (errors.length > 0) throw mismatch(errors)
}

/**
 * Refuses a model whose scored output is no tensor, and one with an output whose type onnxruntime-node cannot exchange. It opens no model
 * with such an output, even if another output is scored. 4-bit integers are an exception.
 *
 * @throws TureenError `TUREEN_METRIC_MISMATCH` with each such output
 */
export function requireScorable(outputs: readonly ValueDescription[], { output, references }: Binding): void {
  const scored = new Set([output, ...references.map(each => each.output)])
  const tensors = outputs.filter(({ dtype }) => !hasNoElements(dtype)).map(({ name }) => name)
  const errors = outputs.flatMap(({ name, dtype }): ProblemItem[] => {
    const place = { field: 'output', tensor: name, actual: dtype }
    if (isNotExchanged(dtype) && (scored.has(name) || !isOpened(dtype)))
      return [{ ...place, expected: 'float32', message: notExchanged('output', name, dtype) }]
    return scored.has(name) && hasNoElements(dtype) ? [{ ...place, ...noTensor(name, dtype, tensors) }] : []
  })
  if (errors.length > 0) throw refusal('TUREEN_METRIC_MISMATCH', 'The model cannot be scored', errors)
}

function noTensor(name: string, dtype: string, tensors: readonly string[]) {
  const other = tensors.length > 0 ? `score another output (${tensors.slice(0, mostNamed).join(', ')})` : undefined
  const found = isMaps(dtype)
    ? `the output ${name} is ${dtype}, a sequence of maps, as ZipMap makes`
    : `the output ${name} is ${dtype}, and metrics take tensors`
  const exported = isMaps(dtype)
    ? "export the model without ZipMap (zipmap: false, in skl2onnx options={'zipmap': False})"
    : 'export the model with an output that is a tensor'
  return { expected: 'a tensor', message: `${found}; ${[exported, other].filter(Boolean).join(', or ')}` }
}
