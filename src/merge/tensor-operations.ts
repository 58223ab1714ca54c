import { TureenError } from '../errors.ts'
import { matchesGlob } from './glob.ts'
import { gradientKinds, type Position, parametersAt, startPosition, valueAt, type WeightValue } from './gradient.ts'
import type { MergeSettings } from './merge-input.ts'
import { methodNamed } from './methods/registry.ts'
import type { Operation, TensorSettings } from './operation.ts'
import type { TensorRule } from './tensor-rule.ts'

/** What is computed of each tensor of a merge. */
export type TensorOperations = {
  /** That of a tensor by its name and its position; null where a rule leaves it as it is. */
  of(name: string, position: Position): Operation | null
  /** Whether the block that a tensor stands in makes a difference. */
  runsByBlock(name: string): boolean
  /** @throws TureenError `TUREEN_RULE_UNMATCHED` naming every rule that no tensor asked for so far has matched */
  requireAllMatched(): void
}

/**
 * The operations of a merge.
 * @param weights one for each averaged model
 * @throws TureenError `TUREEN_WEIGHTS_INVALID` if a method takes no such weights, or a rule has another number of them
 */
export function tensorOperations(
  weights: readonly WeightValue[],
  {
    method: name,
    parameters,
    normalize,
    usesBase,
    rules,
  }: Pick<MergeSettings, 'method' | 'parameters' | 'normalize' | 'usesBase' | 'rules'>,
): TensorOperations {
  const method = methodNamed(name)
  const settingsAt = (rule: TensorRule | undefined, position: Position): TensorSettings => ({
    parameters: parametersAt({ ...parameters, ...rule?.parameters }, position),
    weights: (rule?.weights ?? weights).map(weight => valueAt(weight, position)),
    models: [...weights.keys()],
    normalize: normalize ?? false,
    hasBase: usesBase,
  })
  method.check(settingsAt(undefined, startPosition), 'weight')
  for (const [index, rule] of rules.entries()) {
    const field = `rules.${index}.weights`
    if (rule.weights && rule.weights.length !== weights.length)
      throw wrongCount(field, rule.weights.length, weights.length)
    if (rule.weights) method.check(settingsAt(rule, startPosition), field)
  }
  const matched = rules.map(() => false)
  return {
    of(tensor, position) {
      let first: number | undefined
      // A rule behind another that takes all its tensors has matched too: it is not the mistake that the check is for.
      for (const [index, { match }] of rules.entries()) {
        if (!matchesGlob(match, tensor)) continue
        matched[index] = true
        first ??= index
      }
      const rule = first === undefined ? undefined : rules[first]
      if (rule?.skip) return null
      const settings = settingsAt(rule, position)
      method.check(settings, rule?.weights ? `rules.${first}.weights` : 'weight')
      return method.plan(settings)
    },
    runsByBlock(tensor) {
      const rule = rules.find(({ match }) => matchesGlob(match, tensor))
      const own = { ...parameters, ...rule?.parameters }
      return gradientKinds([...Object.values(own), ...(rule?.weights ?? weights)]).has('block')
    },
    requireAllMatched() {
      const unmatched = rules.flatMap(({ match }, index) =>
        matched[index]
          ? []
          : [{ field: `rules.${index}.match`, message: `${match} matches no tensor that is averaged` }],
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
