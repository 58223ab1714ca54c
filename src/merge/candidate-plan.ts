import type { MergePlan } from './plan.ts'
import { tensorSums, type WeightRule } from './tensor-sums.ts'

/** A weighted mean of some of a merge's inputs. `members`: places in {@link MergePlan.inputs}, each with its weight. */
export type CandidateSoup = { members: readonly number[]; weights: readonly number[]; rules: readonly WeightRule[] }

/**
 * The plan of another soup of the inputs of a planned merge, by the same formula: what was compared and laid out for all of
 * them holds for any of them. Tensors that are identical in all stay in the base's encoding.
 *
 * @throws TureenError `TUREEN_WEIGHTS_INVALID`
 */
export function candidatePlan(plan: MergePlan, { members, weights, rules }: CandidateSoup): MergePlan {
  const sums = tensorSums(weights, { normalize: true, rules })
  const pick = <Item>(items: readonly Item[]): Item[] =>
    members.map(member => {
      const item = items[member]
      if (item === undefined) throw new RangeError(`the merge has no input ${member}`)
      return item
    })
  return {
    ...plan,
    inputs: pick(plan.inputs),
    tensors: plan.tensors.map(tensor => ({ ...tensor, sources: pick(tensor.sources), sum: sums.of(tensor.name) })),
  }
}
