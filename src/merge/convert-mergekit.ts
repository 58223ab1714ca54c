import { choicesOf, epsilonFor } from './mergekit-choices.ts'
import type { MergekitMerge } from './mergekit-config.ts'
import { mergekitMethods, mergekitVersion } from './mergekit-methods.ts'
import { type ConfiguredModel, mergedModels } from './mergekit-models.ts'
import { type ReadParameters, readParameters } from './mergekit-settings.ts'
import {
  agreedFilters,
  asNumber,
  refusal,
  type Setting,
  type TensorValue,
  truthOf,
  valueFor,
} from './mergekit-values.ts'
import { methods } from './methods/merge-method-registry.ts'
import { methodParameters } from './methods/method-schema.ts'

/** A request to `POST /v1/merges` with models named as in the configuration. The route validates the rest. */
export type ConvertedConfig = {
  method: string
  models: { id: string; weight?: unknown }[]
  base?: string
  normalize?: boolean
  parameters?: Record<string, unknown>
  rules?: { match: string; weights?: unknown[]; parameters?: Record<string, unknown> }[]
  outputDtype?: string
  blocks?: number
  notes?: string[]
}

/** Parameters that have another name here. */
const renamed: ReadonlyMap<string, string> = new Map([
  ['max_iter', 'maxIter'],
  ['select_topk', 'topk'],
])

/** Parameters of a configuration that are numbers, in the order of a request. */
const numeric = ['t', 'density', 'gamma', 'epsilon', 'lambda', 'max_iter', 'tol', 'eps', 'select_topk'] as const

/** A parameter of Tureen with one setting, or with one for each model. */
type OwnParameter = readonly [name: string, settings: readonly Setting[]]

/**
 * Converts a configuration of mergekit to a merge request. A method that neither mergekit nor Tureen has is passed on:
 * the route refuses it and lists all methods.
 * @throws TureenError `TUREEN_REQUEST_INVALID` for a configuration that a request cannot express, or that would give
 * other numbers
 */
export function convertMergekit(merge: MergekitMerge): ConvertedConfig {
  const { method, base } = merge
  const theirs = mergekitMethods.get(method)
  if (!theirs) {
    const message = `${method} is no method of mergekit ${mergekitVersion}; send it as a recipe: {"method": "${method}", "models": [{"id": ...}]}`
    if (methods.has(method)) throw refusal([{ field: 'merge_method', actual: method, message }])
    return { method, models: merge.models.map(({ model }) => ({ id: model })) }
  }
  const models = mergedModels(merge, theirs.takes)
  const { parameters: read, notes } = readParameters(merge, models, merge.models, theirs)
  const weights = weightsOf(read)
  const choices = choicesOf(method, read)
  const own = numericParameters(method, read)
  const settings = [...(weights ?? []), ...own.flatMap(([, each]) => each)]
  const filters = agreedFilters(settings)
  const { parameters, rules } = byFilter(own, filters, weights)
  const allNotes = [...merge.notes, ...notes, ...choices.notes, ...noteOnBase(merge, models)]
  const all = { ...parameters, ...choices.parameters }
  return {
    method,
    models: models.map(({ model }, index) => ({ id: model, ...weightFor(weights?.[index]) })),
    ...(base ? { base: base.model } : {}),
    ...normalizeOf(read),
    ...(Object.keys(all).length > 0 ? { parameters: all } : {}),
    ...(rules.length > 0 ? { rules } : {}),
    ...(merge.outputDtype ? { outputDtype: merge.outputDtype } : {}),
    ...(merge.blocks === undefined ? {} : { blocks: merge.blocks }),
    ...(allNotes.length > 0 ? { notes: allNotes } : {}),
  }
}

/** Returns the weight of each model; null if the configuration has none, so that all models weigh the same. */
function weightsOf(read: ReadParameters['parameters']): Setting[] | null {
  const weight = read.get('weight')
  if (!weight?.isSaid) return null
  requireValues(weight.settings)
  return weight.settings
}

/**
 * Checks that all tensors have a value.
 * @throws TureenError `TUREEN_REQUEST_INVALID` if some have neither a value nor a default
 */
function requireValues(settings: readonly Setting[]): void {
  for (const { field, value, filters } of settings) {
    if (value !== undefined) continue
    const message =
      filters.length > 0
        ? 'has no value for the tensors that no filter fits; add one without a filter'
        : 'is missing, and mergekit has no default for it; add it'
    throw refusal([{ field, message }])
  }
}

function weightFor(setting: Setting | undefined): { weight?: unknown } {
  return setting ? { weight: asNumber(setting.value) } : {}
}

/**
 * Returns the numbers in the configuration. Density is returned even if it is absent, since methods here that drop
 * changes require it.
 */
function numericParameters(method: string, read: ReadParameters['parameters']): OwnParameter[] {
  const own = methods.get(method)
  return numeric.flatMap((name): OwnParameter[] => {
    const parameter = read.get(name)
    if (!parameter) return []
    const isDerived = name === 'epsilon'
    const settings = isDerived
      ? epsilonFor(parameter.settings, read.get('density')?.settings ?? [])
      : parameter.settings
    const isChanged = isDerived && settings.some((each, index) => !sameValues(each, parameter.settings[index]))
    const isNeeded = name === 'density' && own !== undefined && !methodParameters(own).safeParse({}).success
    if (!parameter.isSaid && !isChanged && !isNeeded) return []
    requireValues(settings)
    const [first] = settings
    const isOne = first && settings.every(each => sameValues(each, first))
    return [[renamed.get(name) ?? name, isOne ? [first] : settings]]
  })
}

function sameValues(one: Setting, other: Setting | undefined): boolean {
  const content = ({ value, filters }: Setting) => JSON.stringify([value, filters])
  return other !== undefined && content(one) === content(other)
}

function normalizeOf(read: ReadParameters['parameters']): { normalize?: boolean } {
  const parameter = read.get('normalize') ?? read.get('normalize_weights')
  const [setting] = parameter?.settings ?? []
  return parameter?.isSaid && setting ? { normalize: truthOf(setting) } : {}
}

/** Returns parameters for all tensors, and one rule for each filter. */
function byFilter(
  own: readonly OwnParameter[],
  filters: readonly string[],
  weights: readonly Setting[] | null,
): { parameters: Record<string, unknown>; rules: NonNullable<ConvertedConfig['rules']> } {
  const hasFilters = (settings: readonly Setting[]) => settings.some(each => each.filters.length > 0)
  const conditional = own.filter(([, settings]) => hasFilters(settings))
  const rules = filters.map(filter => ({
    match: `*${filter}*`,
    ...(weights && hasFilters(weights) ? { weights: weights.map(each => asNumber(valueFor(each, filter))) } : {}),
    ...(conditional.length > 0 ? { parameters: valuesFor(conditional, filter) } : {}),
  }))
  return { parameters: valuesFor(own, null), rules }
}

/**
 * Returns the values for tensors that fit the filter; for null, those for all others. A value is one, or a list of one
 * for each model.
 */
function valuesFor(parameters: readonly OwnParameter[], filter: string | null): Record<string, unknown> {
  return Object.fromEntries(
    parameters.map(([name, settings]) => {
      const values = settings.map((setting): TensorValue | undefined => asNumber(valueFor(setting, filter)))
      return [name, values.length === 1 ? values[0] : values]
    }),
  )
}

/** Returns a note if an unlisted base is merged as one more model, as methods that merge all models do. */
function noteOnBase({ method, base, models }: MergekitMerge, merged: readonly ConfiguredModel[]): string[] {
  if (!base || merged.length <= models.length || mergekitMethods.get(method)?.takes !== 'all') return []
  return [`base_model of the mergekit configuration is merged as one more model, as mergekit's ${method} does.`]
}
