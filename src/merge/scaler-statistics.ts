import { isScaler } from '../onnx/classic-models.ts'
import type { Leaf, Network } from '../onnx/graph/network.ts'
import { isAttributeFloats, type TensorEntry } from '../onnx/layout.ts'
import { networkOf } from './match-inputs.ts'
import { type IndexedInput, inputAt } from './merge-input.ts'
import type { MergePlan, PlannedTensor } from './merge-plan.ts'
import { sameElements } from './same-elements.ts'

/** Returns the offsets and scales of a network's Scalers, which their author computed from training data. */
export function scalerStatistics({ operators }: Network): Leaf[] {
  return operators
    .filter(isScaler)
    .flatMap(({ operands }) =>
      operands.flatMap(({ value }) => (value?.kind === 'leaf' && value.isWeight ? [value] : [])),
    )
}

/**
 * Returns the warning about statistics that differ between models; undefined if there are none. `names`: of the
 * tensors.
 */
export function scalerWarning(names: readonly string[]): string | undefined {
  if (names.length === 0) return undefined
  return `statistics of a Scaler differ between the models and are averaged (${names.join(', ')}): they come from the training data of each model, so score the soup, or keep the base's with a rule that skips them`
}

/**
 * Returns the names of a plan's tensors that are statistics of a Scaler and differ between the models that they are
 * averaged from.
 */
export function averagedStatistics(plan: MergePlan, files: readonly IndexedInput[]): string[] {
  const { tensors, inputs } = plan
  const sources = inputs.map(index => inputAt(files, index))
  // Building a network is expensive, so only tensors of attributes that differ get this far.
  const differing = tensors.filter(tensor => isOfAttribute(tensor) && differs(tensor, sources, plan))
  const [first] = sources
  if (!first || differing.length === 0) return []
  const statistics = new Set(scalerStatistics(networkOf(first)).map(({ tensor }) => tensor))
  return differing.filter(({ sources: [own] }) => statistics.has(own ?? null)).map(({ name }) => name)
}

function isOfAttribute({ sources: [own] }: PlannedTensor): boolean {
  return own !== undefined && isAttributeFloats(own.path)
}

/** True if the models that a tensor is computed from hold different elements. */
function differs(
  { sources, operation }: PlannedTensor,
  models: readonly IndexedInput[],
  plan: Pick<MergePlan, 'models' | 'inputs' | 'base'>,
): boolean {
  const isModel = (place: number) => place < plan.models || plan.inputs[place] === plan.base
  const of = (tensor: TensorEntry) => ({ tensor, literal: null })
  const [first, ...others] = operation.from.flatMap(place => {
    const tensor = sources[place]
    return tensor && isModel(place) ? [{ tensor, model: inputAt(models, place) }] : []
  })
  return others.some(each => first && !sameElements(of(first.tensor), first.model, of(each.tensor), each.model))
}
