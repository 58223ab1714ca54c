import { TureenError } from '../errors.ts'
import { gradientKinds, type Position, parametersAt, startPosition, valueAt, type WeightValue } from './gradient.ts'
import type { MergeSettings } from './merge-input.ts'
import { methodNamed } from './methods/merge-method-registry.ts'
import type { Operation, TensorSettings } from './operation.ts'
import type { TensorRule } from './tensor-rule.ts'

/** The operations that compute the tensors of a merge. */
export type TensorOperations = {
  /**
   * Returns the operation of a tensor at a position. `rule`: the index of the rule that applies to it; null for none.
   * Null if the rule skips the tensor.
   */
  of(rule: number | null, position: Position): Operation | null
  /** True if the operation under this rule (null: no rule) depends on the block of a tensor. */
  runsByBlock(rule: number | null): boolean
}

/**
 * Returns the operations of a merge.
 * @param weights one for each averaged model
 * @throws TureenError `TUREEN_WEIGHTS_INVALID` if the method does not take the weights, or if a rule has another number
 * of weights
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
  /**
   * By rule and position: nearly all tensors share one operation, and each operation has a weight for each of up to
   * 1,024 models.
   */
  const planned = new Map<string, Operation | null>()
  let last: { index: number | null; position: Position; operation: Operation | null } | undefined
  const plan = (index: number | null, position: Position): Operation | null => {
    const rule = index === null ? undefined : rules[index]
    if (rule?.skip) return null
    const settings = settingsAt(rule, position)
    method.check(settings, rule?.weights ? `rules.${index}.weights` : 'weight')
    return method.plan(settings)
  }
  return {
    of(index, position) {
      // Nearly all tensors have the rule and position of the one before.
      if (last?.index === index && last.position === position) return last.operation
      const key = `${index} ${position.graph} ${position.block}`
      const known = planned.get(key)
      const operation = known === undefined ? plan(index, position) : known
      planned.set(key, operation)
      last = { index, position, operation }
      return operation
    },
    runsByBlock(index) {
      const rule = index === null ? undefined : rules[index]
      const own = { ...parameters, ...rule?.parameters }
      return gradientKinds([...Object.values(own), ...(rule?.weights ?? weights)]).has('block')
    },
  }
}

function wrongCount(field: string, count: number, models: number): TureenError {
  const message = `there are ${count} weights for ${models} models`
  return new TureenError(
    'TUREEN_WEIGHTS_INVALID',
    `A rule has a weight for each model, and ${message}. Send ${models} weights.`,
    [{ field, expected: `${models} weights`, actual: `${count} weights`, message }],
  )
}
