import { isMainInitializer } from '../onnx/layout.ts'
import { decodeSkeleton, describeValue } from '../onnx/skeleton.ts'
import type { IndexedInput } from './merge-input.ts'
import type { MergePlan } from './merge-plan.ts'
import type { Operation } from './operation.ts'

/** The largest number of inputs that a sentence names. */
const named = 3

/**
 * Returns the reason why a merge averages nothing. Null for a merge of one model, since nobody expects a mean of one.
 * @param plan before it is prepared
 */
export function whyNothing(
  { tensors, kept, inputs }: Pick<MergePlan, 'tensors' | 'kept' | 'inputs'>,
  base: IndexedInput,
): string | null {
  if (inputs.length < 2) return null
  if (tensors.length > 0) return ofOperations(tensors.map(({ operation }) => operation))
  if (kept.length === 0) return withoutWeights(base)
  const skipped = kept.filter(({ isSkipped }) => isSkipped).length
  if (skipped === 0) return sameWeights
  return skipped === kept.length
    ? 'rules skip every weight'
    : `rules skip ${skipped} weights, and the others are the same in all models, bit by bit`
}

const sameWeights = 'the models hold the same weights, bit by bit'

function ofOperations(operations: readonly Operation[]): string {
  if (operations.every(({ from }) => from.length < 2))
    return 'each weight is copied from one model, because the others have weight 0 or no part in it'
  if (operations.every(({ kind, from }) => kind === 'sum' && from.length > 1)) return sameWeights
  return 'each weight is the same in all models, or copied from one of them'
}

/** @param base a model without float tensors that could be averaged */
function withoutWeights(base: IndexedInput): string {
  const inputs = floatInputs(base)
  const plain = `${base.label} holds no float weights`
  if (inputs.length < 2) return plain
  const names = `${inputs.slice(0, named).join(', ')}${inputs.length > named ? ', ...' : ''}`
  return `${plain}; if some of its ${inputs.length} inputs (${names}) are weights, export it with them as initializers`
}

/** Returns the names of the graph's inputs that take floats and have no initializer. */
function floatInputs({ layout }: IndexedInput): string[] {
  if (layout.checkpoint) return []
  const { graph } = decodeSkeleton(layout)
  const initializers = new Set(layout.tensors.filter(isMainInitializer).map(({ name }) => name))
  return (graph?.input ?? [])
    .map(describeValue)
    .filter(({ name, dtype }) => dtype.includes('float') && !initializers.has(name))
    .map(({ name }) => name)
}
