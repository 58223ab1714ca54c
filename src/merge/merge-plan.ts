import type { TensorEntry } from '../onnx/layout.ts'
import type { Position } from './gradient.ts'
import type { Operation } from './operation.ts'
import type { PlannedFile } from './plan-parts.ts'
import type { RuleMatch } from './rule-match.ts'
import type { TensorRows } from './tensor-rows.ts'

/**
 * A tensor of the result that is computed.
 * - `dtype`: its type in the sources; `output`: its type in the result.
 * - `sources`: the tensor in each averaged model, in recipe order, then in the other inputs of the method.
 * - `position`: its place in the network, if anything depends on it.
 * - `rows`: the rows that the method ranks, if it ranks any.
 * - `rule`: the rule of the merge that matches it, for soups of other inputs and weights by the same rules.
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

/**
 * Returns the type in which a tensor is computed. A tensor that gets another type is computed in binary64, which holds
 * every element exactly, so that it is rounded once.
 */
export function computedDtype({ dtype, output }: Pick<PlannedTensor, 'dtype' | 'output'>): string {
  return output === dtype ? dtype : 'float64'
}

/**
 * A merged model before any of it is computed: the origin of each byte of each file. `inputs` are indices into the
 * merge's inputs: first the `models` averaged ones in recipe order, then the base or the Fisher information of each
 * model, if the method reads them.
 */
export type MergePlan = {
  main: PlannedFile
  /** The data files beside it, by location: those of the base, or none if all weights are in one file. */
  data: ReadonlyMap<string, PlannedFile>
  tensors: PlannedTensor[]
  inputs: number[]
  models: number
  base: number
  /**
   * The numbers of tensors copied from the base; `identical` includes those that rules skip. `elements`: the number of
   * elements of tensors that are the same in every model.
   */
  carried: { identical: number; nonFloat: number; elements: number }
  /** The weights among them, with the type of each in the result. `isSkipped`: true if a rule skips it. */
  kept: { tensor: TensorEntry; output: string; isSkipped: boolean }[]
}
