import { isDeepStrictEqual } from 'node:util'
import { gradient } from '../../schemas/merge.ts'
import { type ProblemItem, TureenError } from '../errors.ts'
import { nearest } from '../nearest.ts'
import { invalidFields } from '../unknown-fields.ts'
import { boundedParse } from '../validation/bounded-parse.ts'
import { type ToldCauses, toldCauses, toldFindings } from '../validation/told-causes.ts'
import {
  gradientKinds,
  gradientsIn,
  isGradient,
  parametersAtPoints,
  valuesAtPoints,
  type WeightValue,
} from './gradient.ts'
import type { MergeSettings } from './merge-input.ts'
import { methods, type RegisteredMethod } from './methods/merge-method-registry.ts'
import { methodParameters } from './methods/method-schema.ts'
import { tensorOperations } from './tensor-operations.ts'
import type { TensorRule } from './tensor-rule.ts'

/** The part of a request that says how to merge. */
export type MethodRequest = {
  method: string
  parameters: Readonly<Record<string, unknown>>
  normalize?: boolean | undefined
  rules: readonly TensorRule[]
}

/**
 * The inputs of a method. `weights`: of each averaged model. `fishers`: the number of models with their Fisher
 * information.
 */
export type MethodInputs = { weights: readonly WeightValue[]; hasBase: boolean; fishers: number }

export type MethodSettings = Pick<MergeSettings, 'method' | 'parameters' | 'normalize' | 'rules' | 'usesBase'>

/**
 * Returns the settings of a merge by the requested method, with complete parameters.
 *
 * @throws TureenError `TUREEN_REQUEST_INVALID` naming the field for an unknown method, unknown or invalid parameters,
 * too few or too many models, or a missing base; `TUREEN_WEIGHTS_INVALID`
 */
export function methodSettings(request: MethodRequest, inputs: MethodInputs): MethodSettings {
  const method = methods.get(request.method)
  if (!method) {
    const names = [...methods.keys()]
    const near = nearest(request.method, names)
    const message = `there is no merge method ${request.method}${near === undefined ? '' : `; did you mean ${near}?`} GET /v1/methods lists all ${names.length}`
    throw invalid([{ field: 'method', expected: names.join(', '), actual: request.method, message }])
  }
  requireInputs(method, request, inputs)
  const rules = request.rules.map((rule, index) => {
    const { parameters } = rule
    return parameters ? { ...rule, parameters: canonical(method, parameters, `rules.${index}.parameters`) } : rule
  })
  const usesBase = method.base !== 'none' && inputs.hasBase
  const count = inputs.weights.length
  const spend = pointBudget()
  const common = completed(method, canonical(method, request.parameters, 'parameters'), count, 'parameters', spend)
  for (const [index, rule] of rules.entries()) requireRule(method, rule, index, common, count, spend)
  const normalize = method.normalize === null ? null : (request.normalize ?? method.normalize)
  const settings = { method: method.name, parameters: common, normalize, rules, usesBase }
  tensorOperations(inputs.weights, settings)
  return settings
}

function requireInputs(method: RegisteredMethod, { normalize }: MethodRequest, inputs: MethodInputs): void {
  const { name, base, weights, fisher } = method
  const { min, max } = method.models
  const count = inputs.weights.length
  if (count < min || (max !== null && count > max)) {
    const wanted = min === max ? `${min}` : max === null ? `${min} or more` : `${min} to ${max}`
    const behind = base === 'required' ? ', the base left out' : ''
    const message = `${name} takes ${wanted} ${wanted === '1' ? 'model' : 'models'}${behind}, and there are ${count}`
    throw invalid([{ field: 'models', expected: `${wanted} models`, actual: `${count}`, message }])
  }
  if (base === 'required' && !inputs.hasBase)
    throw invalid([
      {
        field: 'base',
        expected: 'a model',
        message: `${name} merges the changes that models made to a base; name the base`,
      },
    ])
  if (normalize !== undefined && method.normalize === null)
    throw invalid([{ field: 'normalize', actual: `${normalize}`, message: `${name} has no such choice; leave it out` }])
  const weighted = inputs.weights.findIndex(weight => weight !== 1)
  if (!weights && weighted >= 0)
    throw invalid([
      {
        field: `models.${weighted}.weight`,
        actual: `${inputs.weights[weighted]}`,
        message: `${name} takes no weights; leave them out`,
      },
    ])
  const missing = fisher ? inputs.fishers < count : inputs.fishers > 0
  if (missing) {
    const message = fisher
      ? `${name} needs the Fisher information of each model: add "fisher" beside "id"`
      : `${name} takes no Fisher information: leave "fisher" out`
    const expected = `${fisher ? count : 0} models with "fisher"`
    throw invalid([{ field: 'models', expected, actual: `${inputs.fishers}`, message }])
  }
}

function requireRule(
  method: RegisteredMethod,
  { weights, parameters, skip }: TensorRule,
  index: number,
  common: Readonly<Record<string, unknown>>,
  models: number,
  spend: Spend,
): void {
  const field = `rules.${index}`
  if (skip && (weights || parameters))
    throw invalid([{ field: `${field}.skip`, message: 'a tensor that is skipped has no weights and no parameters' }])
  if (weights && !method.weights)
    throw invalid([{ field: `${field}.weights`, message: `${method.name} takes no weights; leave them out` }])
  if (!parameters) return
  completed(method, { ...common, ...parameters }, models, `${field}.parameters`, spend)
  const fixed = method.common(parsed(method, parametersAtPoints(common)[0] ?? {}, 'parameters'))
  for (const name of fixed) {
    if (!(name in parameters) || isDeepStrictEqual(parameters[name], common[name])) continue
    throw invalid([{ field: `${field}.parameters.${name}`, message: 'is the same for all tensors' }])
  }
}

/**
 * Returns parameters under their names in recipes.
 * @throws TureenError `TUREEN_REQUEST_INVALID` if two contradict each other
 */
function canonical(
  method: RegisteredMethod,
  parameters: Readonly<Record<string, unknown>>,
  field: string,
): Readonly<Record<string, unknown>> {
  const found = method.canonical(parameters)
  if ('parameters' in found) return found.parameters
  throw invalid([{ field: `${field}.${found.parameter}`, message: found.contradiction }])
}

/** Returns parameters with their defaults; gradients are kept. A list must have a value for each of `models` models. */
function completed(
  method: RegisteredMethod,
  parameters: Readonly<Record<string, unknown>>,
  models: number,
  field: string,
  spend: Spend,
): Record<string, unknown> {
  requireGradients(method, parameters, field)
  spend(parameters, field)
  if (gradientKinds(Object.values(parameters)).size > 1)
    throw invalid([{ field, message: 'has gradients by graph and by block; let all of them run by the same' }])
  let complete: Readonly<Record<string, unknown>> = {}
  for (const each of parametersAtPoints(parameters)) complete = parsed(method, each, field)
  for (const [name, value] of Object.entries(complete)) {
    if (!Array.isArray(value) || value.length === models) continue
    throw invalid([
      {
        field: `${field}.${name}`,
        expected: `${models} values`,
        actual: `${value.length} values`,
        message: `has ${value.length} values for ${models} models`,
      },
    ])
  }
  const gradients = Object.entries(parameters).filter(([, value]) => gradientsIn(value).length > 0)
  const fixed = method.common(complete)
  for (const [name] of gradients)
    if (fixed.includes(name)) throw invalid([{ field: `${field}.${name}`, message: 'is the same for all tensors' }])
  return { ...complete, ...Object.fromEntries(gradients) }
}

/**
 * The largest number of values at points of gradients in the parameters of one request and its rules. Each is checked.
 */
const maximumValuesAtPoints = 8_192

/**
 * Counts the values of parameters at points of gradients.
 * @throws TureenError `TUREEN_REQUEST_INVALID` above the limit
 */
type Spend = (parameters: Readonly<Record<string, unknown>>, field: string) => void

function pointBudget(): Spend {
  let spent = 0
  return (parameters, field) => {
    spent += valuesAtPoints(parameters)
    if (spent <= maximumValuesAtPoints) return
    const most = maximumValuesAtPoints.toLocaleString('en')
    const message = `its gradients have too many points: with those before, more than ${most} numbers would have to be checked. Give all gradients the same number of points, or fewer`
    throw invalid([{ field, expected: `${most} numbers at most`, message }])
  }
}

/** Checks that gradients are valid, before parameters are checked at their points. */
function requireGradients(
  { name: method, wholeNumbers }: RegisteredMethod,
  parameters: Readonly<Record<string, unknown>>,
  field: string,
): void {
  for (const [name, value] of Object.entries(parameters)) {
    const values = Array.isArray(value) ? value.entries() : [[null, value] as const]
    for (const [place, each] of values) {
      if (!isGradient(each)) continue
      const own = [field, name, ...(place === null ? [] : [place])].join('.')
      const checked = boundedParse(gradient, each)
      if (!checked.success) throw refused(toldFindings(checked, issue => invalidFields([issue], own, gradient, each)))
      if (wholeNumbers.includes(name))
        throw invalid([{ field: own, message: `is a whole number for ${method}, and no gradient` }])
    }
  }
}

function parsed(method: RegisteredMethod, parameters: object, field: string): Readonly<Record<string, unknown>> {
  const schema = methodParameters(method)
  const result = boundedParse(schema, parameters)
  if (result.success) return result.data
  throw refused(
    toldFindings(result, issue =>
      invalidFields([issue], field, schema, parameters).map(problem =>
        problem.field === `${field}.normalize`
          ? { field: problem.field, message: 'stands beside parameters, not among them' }
          : problem,
      ),
    ),
  )
}

function invalid(causes: ProblemItem[]): TureenError {
  return refused(toldCauses(causes))
}

function refused({ errors, list }: ToldCauses): TureenError {
  return new TureenError('TUREEN_REQUEST_INVALID', `The merge is not valid: ${list}.`, errors)
}
