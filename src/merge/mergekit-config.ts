import { type MergekitConfig, type MergekitParameters, mergekitConfig } from '../../schemas/mergekit.ts'
import { type ProblemItem, TureenError } from '../errors.ts'
import { isSettled } from './mergekit-choices.ts'
import { agreedFilters, asBoolean, type Setting, settingOf, valueFor } from './mergekit-values.ts'
import { methods } from './methods/registry.ts'

/** A request to `POST /v1/merges`, its models named as the configuration names them; validation of the route goes over the rest. */
export type ConvertedConfig = {
  method: string
  models: { id: string; weight?: unknown }[]
  base?: string
  normalize?: unknown
  parameters?: Record<string, unknown>
  rules?: { match: string; weights?: unknown[]; parameters?: Record<string, unknown> }[]
  outputDtype?: string
}

/** Keys of mergekit that have no counterpart, and what to do without them. */
const unsupported: Record<string, string> = {
  slices: 'layers of an ONNX graph cannot be put together anew; name whole models under models',
  modules: 'a model is merged as a whole; name models under models',
  tokenizer: 'an ONNX model has no tokenizer; leave it out',
  tokenizer_source: 'an ONNX model has no tokenizer; leave it out',
  chat_template: 'an ONNX model has no chat template; leave it out',
}

/** Parameters that are called otherwise here. */
const renamed: Record<string, string> = {
  max_iter: 'maxIter',
  normalize_weights: 'normalize',
  nuslerp_row_wise: 'rowWise',
  select_topk: 'topk',
}

/** Parameters of mergekit that say how it computes, and change no result here. */
const withoutEffect: ReadonlySet<string> = new Set(['int8_mask'])

/** Methods of two models of which the base is the first; the others take what the models change in it, and it is none of them. */
const pairMethods: ReadonlySet<string> = new Set(['slerp', 'nearswap'])
const withoutBase: ReadonlySet<string> = new Set(['linear', 'karcher'])

/** Whether a body is meant as a configuration of mergekit. */
export function isMergekitConfig(body: unknown): body is object {
  return typeof body === 'object' && body !== null && 'merge_method' in body
}

/** @throws TureenError `TUREEN_REQUEST_INVALID` naming every key that has no counterpart here, and why */
export function readMergekit(body: object): MergekitConfig {
  const known = Object.keys(body).flatMap((key): ProblemItem[] => {
    const message = Object.hasOwn(unsupported, key) ? unsupported[key] : undefined
    return message === undefined ? [] : [{ field: key, message: `is not supported: ${message}` }]
  })
  if (known.length > 0) throw refusal(known)
  const parsed = mergekitConfig.safeParse(body)
  if (!parsed.success) {
    throw refusal(
      parsed.error.issues.flatMap((issue): ProblemItem[] => {
        const keys = issue.code === 'unrecognized_keys' ? issue.keys : []
        if (keys.length === 0) return [{ field: issue.path.join('.') || 'body', message: issue.message }]
        return keys.map(key => ({ field: [...issue.path, key].join('.'), message: 'is not supported' }))
      }),
    )
  }
  return parsed.data
}

/**
 * A configuration of mergekit as a merge request.
 * @throws TureenError `TUREEN_REQUEST_INVALID` for parameters that cannot be said in one
 */
export function convertMergekit(config: MergekitConfig): ConvertedConfig {
  const { merge_method: method } = config
  const base = config.base_model ?? undefined
  // mergekit computes in dtype and rounds to out_dtype; here binary64 is what is computed in.
  const outputDtype = config.out_dtype ?? config.dtype ?? undefined
  const global = config.parameters ?? {}
  const models = mergedModels(config)
  const names = new Set([...Object.keys(global), ...models.flatMap(each => Object.keys(each.parameters))])
  const weights = names.has('weight') ? models.map(model => settingFor('weight', model, global)) : null
  names.delete('weight')
  const settings = [...names.difference(withoutEffect)]
    // A method that is not there is refused for that by whoever knows them all.
    .map((name): [string, Setting[]] => [
      name,
      settingsFor(name, models, global, methods.get(method)?.perModel ?? [name]),
    ])
    .filter((setting, _, all) => !isSettled(setting, method, all))
    .map(([name, own]): [string, Setting[]] => [ownName(name), own])
  const [normalize] = settings.find(([name]) => name === 'normalize')?.[1] ?? []
  if (normalize && normalize.filters.length > 0)
    throw refusal([{ field: normalize.field, message: 'is one for all tensors here; it cannot have filters' }])
  const parameters = settings.filter(([name]) => name !== 'normalize')
  const filters = agreedFilters([...(weights ?? []), ...parameters.flatMap(([, settings]) => settings)])
  const conditional = parameters.filter(([, settings]) => settings.some(each => each.filters.length > 0))
  const hasFilteredWeights = weights?.some(setting => setting.filters.length > 0)
  const rules = filters.map(filter => ({
    match: `*${filter}*`,
    ...(weights && hasFilteredWeights ? { weights: weights.map(setting => valueFor(setting, filter)) } : {}),
    ...(conditional.length > 0 ? { parameters: valuesFor(conditional, filter) } : {}),
  }))
  return {
    method,
    models: models.map(({ model }, index) => {
      const weight = weights?.[index]
      return { id: model, ...(weight ? { weight: valueFor(weight, null) } : {}) }
    }),
    ...(base === undefined ? {} : { base }),
    ...(normalize ? { normalize: asBoolean(valueFor(normalize, null)) } : {}),
    ...(parameters.length > 0 ? { parameters: valuesFor(parameters, null) } : {}),
    ...(rules.length > 0 ? { rules } : {}),
    ...(outputDtype === undefined ? {} : { outputDtype }),
  }
}

type ConfiguredModel = { model: string; parameters: MergekitParameters; field: string }

/**
 * The models that are averaged. mergekit lets the base stand among them; where changes of it are merged, it is none of them, and of a
 * pair it is the first, whether it stands there or not.
 */
function mergedModels({ models, base_model: base, merge_method: method }: MergekitConfig): ConfiguredModel[] {
  const all = models.map(({ model, parameters }, index) => {
    return { model, parameters: parameters ?? {}, field: `models.${index}.parameters` }
  })
  if (base === undefined || base === null || withoutBase.has(method)) return all
  const others = all.filter(({ model }) => model !== base)
  if (!pairMethods.has(method)) return others
  const own = all.filter(({ model }) => model === base)
  if (own.length === 0 && all.length === 1) own.push({ model: base, parameters: {}, field: 'base_model' })
  return [...own, ...others]
}

function settingFor(name: string, { parameters, field }: ConfiguredModel, global: MergekitParameters): Setting {
  const own = Object.hasOwn(parameters, name) ? parameters[name] : undefined
  const common = Object.hasOwn(global, name) ? settingOf(global[name], `parameters.${name}`) : null
  if (own !== undefined) return settingOf(own, `${field}.${name}`, common)
  if (common) return common
  throw refusal([
    { field: `${field}.${name}`, message: `is missing: other models have a ${name}, and there is none for all` },
  ])
}

/** A setting that all models agree on, or one for each of them if the configuration may say so of this name. */
function settingsFor(
  name: string,
  models: readonly ConfiguredModel[],
  global: MergekitParameters,
  perModel: readonly string[] = [],
): Setting[] {
  const settings = models.map(model => settingFor(name, model, global))
  const [first] = settings
  if (!first) throw refusal([{ field: 'models', message: 'there is no model beside base_model' }])
  const content = ({ value, filters }: Setting) => JSON.stringify([value, filters])
  const other = settings.find(setting => content(setting) !== content(first))
  if (!other) return [first]
  if (perModel.includes(name)) return settings
  const may = ['weight', ...perModel].join(', ')
  throw refusal([
    {
      field: other.field,
      message: `differs between models: here ${name} is one for all of them; only ${may} may differ`,
    },
  ])
}

/** Parameters for the tensors with a filter, or for all others: a value, or a list of one for each model. */
function valuesFor(parameters: readonly [string, Setting[]][], filter: string | null): Record<string, unknown> {
  return Object.fromEntries(
    parameters.map(([name, settings]) => {
      const values = settings.map(setting => valueFor(setting, filter))
      return [name, values.length === 1 ? values[0] : values]
    }),
  )
}

function ownName(name: string): string {
  return Object.hasOwn(renamed, name) ? (renamed[name] ?? name) : name
}

function refusal(errors: ProblemItem[]): TureenError {
  const list = errors.map(({ field, message }) => `${field}: ${message}`).join('; ')
  return new TureenError('TUREEN_REQUEST_INVALID', `The mergekit configuration cannot be followed: ${list}.`, errors)
}
