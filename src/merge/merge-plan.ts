import type { TensorEntry } from '../onnx/layout.ts'
import type { Position } from './gradient.ts'
import type { Operation } from './operation.ts'
import type { PlannedFile } from './plan-parts.ts'
import type { RuleMatch } from './rule-resolution.ts'
import type { TensorRows } from './tensor-rows.ts'

/**
 * A tensor of the result that is computed, and how. `output`: the type that the result has,
 * `dtype` the one that it has in the sources. `sources`: it in each averaged model, in recipe order, and in what else the method
 * looks at. `position`: where it stands, if anything depends on that. `rows`: those that the method ranks, if it ranks any. `rule`: which of
 * the merge's rules matches it, for soups of other inputs and weights by the same rules.
 */
export type PlannedTensor = {
  name: string
  dtype: string
  output: string
  dims: readonly number[]
  elements: number
  position: Position
  rows?: TensorRows
  rule: RuleMatch
  sources: readonly TensorEntry[]
  operation: Operation
}

/** The type that a tensor is computed in: binary64 has every element as it is, so that what gets another type is rounded once. */
export function computedDtype({ dtype, output }: Pick<PlannedTensor, 'dtype' | 'output'>): string {
  return output === dtype ? dtype : 'float64'
}

/**
 * The merged model before any of it is computed: where each byte of each file comes from. `inputs` are the averaged ones, of which
 * there are `models`, as indices into the merge's inputs, in recipe order; behind them the base, or the Fisher information of
 * each, where the method looks at those.
 */
export type MergePlan = {
  main: PlannedFile
  /** The data files beside it, by location: those of the base, or none if all weights are in the one file. */
  data: ReadonlyMap<string, PlannedFile>
  tensors: PlannedTensor[]
  inputs: number[]
  models: number
  base: number
  /**
   * How many tensors stay as the base has them, those that rules skip counted with the identical ones. `elements`: those of tensors
   * that are the same in every model.
   */
  carried: { identical: number; nonFloat: number; elements: number }
  /** The weights among them, and the type that each gets. `isSkipped`: whether a rule says that it stays. */
  kept: { tensor: TensorEntry; output: string; isSkipped: boolean }[]
}
