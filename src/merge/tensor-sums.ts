import { TureenError } from '../errors.ts'
import type { WeightedSum } from '../tensor/weighted-sum.ts'
import { matchesGlob } from './glob.ts'
import { linearSum } from './methods/linear.ts'

/** Other weights for the tensors whose names match: one for each averaged model, in recipe order. */
export type WeightRule = { match: string; weights: readonly number[] }

/** Which sum each tensor of a merge is. */
export type TensorSums = {
  /** The sum for a tensor: that of the first rule that matches its name, or of the models' own weights. */
  of(name: string): WeightedSum
  /** @throws TureenError `TUREEN_RULE_UNMATCHED` naming every rule that no tensor asked for so far has matched */
  requireAllMatched(): void
}

/**
 * The sums of a merge.
 * @throws TureenError `TUREEN_WEIGHTS_INVALID` if weights do not make an average, or a rule has another number of them
 */
export function tensorSums(
  weights: readonly number[],
  { normalize, rules }: { normalize: boolean; rules: readonly WeightRule[] },
): TensorSums {
  const common = linearSum(weights, normalize, 'weight')
  const matchers = rules.map((rule, index) => {
    const field = `rules.${index}.weights`
    if (rule.weights.length !== weights.length) throw wrongCount(field, rule.weights.length, weights.length)
    return { match: rule.match, sum: linearSum(rule.weights, normalize, field), matched: false }
  })
  return {
    of(name) {
      let found: WeightedSum | undefined
      // A rule behind another that takes all its tensors has matched too: it is not the mistake that the check is for.
      for (const matcher of matchers) {
        if (!matchesGlob(matcher.match, name)) continue
        matcher.matched = true
        found ??= matcher.sum
      }
      return found ?? common
    },
    requireAllMatched() {
      const unmatched = matchers.flatMap(({ match, matched }, index) =>
        matched ? [] : [{ field: `rules.${index}.match`, message: `${match} matches no tensor that is averaged` }],
      )
      if (unmatched.length === 0) return
      throw new TureenError(
        'TUREEN_RULE_UNMATCHED',
        `A rule that matches nothing would have no effect: ${unmatched.map(({ message }) => message).join('; ')}. GET /v1/models/{id}/tensors lists the names.`,
        unmatched,
      )
    },
  }
}

function wrongCount(field: string, count: number, models: number): TureenError {
  const message = `there are ${count} weights for ${models} models`
  return new TureenError('TUREEN_WEIGHTS_INVALID', `A rule has a weight for each model, and ${message}.`, [
    { field, message },
  ])
}
