import type { OutputDtype } from '../../schemas/merge.ts'
import { type MergekitConfig, type MergekitParameters, mergekitConfig } from '../../schemas/mergekit.ts'
import type { ProblemItem } from '../errors.ts'
import { boundedParse } from '../validation/bounded-parse.ts'
import { issueCause } from '../validation/issue-cause.ts'
import { toldFindings } from '../validation/told-causes.ts'
import type { ConfiguredModel, ConfiguredModels, ModelReference, ParameterPlace } from './mergekit-models.ts'
import { refusal, refusalOf } from './mergekit-values.ts'

/**
 * A merge as a configuration of mergekit describes it. `shared`: parameters for all models; earlier places take
 * precedence.
 */
export type MergekitMerge = ConfiguredModels & {
  method: string
  shared: readonly ParameterPlace[]
  outputDtype?: OutputDtype
  /** Layers of each model, if the configuration states them. */
  blocks?: number
  /** Sentences about parts of the configuration that change nothing here. */
  notes: readonly string[]
}

/** Keys without a counterpart, and what to do instead. */
const unsupported: Record<string, string> = {
  modules: 'a model is merged as a whole; name whole models under models',
}

/** Keys about files that lie beside a model in mergekit. */
const besideTheModel = ['tokenizer_source', 'tokenizer', 'chat_template'] as const

/** True if a body is meant as a configuration of mergekit. */
export function isMergekitConfig(body: unknown): body is object {
  return typeof body === 'object' && body !== null && 'merge_method' in body
}

/**
 * Reads a configuration.
 * @throws TureenError `TUREEN_REQUEST_INVALID` naming every key that has no counterpart here, and why
 */
export function readMergekit(body: object): MergekitMerge {
  const known = Object.keys(body).flatMap((key): ProblemItem[] => {
    const message = Object.hasOwn(unsupported, key) ? unsupported[key] : undefined
    return message === undefined ? [] : [{ field: key, message: `is not supported: ${message}` }]
  })
  if (known.length > 0) throw refusal(known)
  const parsed = boundedParse(mergekitConfig, body)
  if (parsed.success) return mergeOf(parsed.data)
  throw refusalOf(
    toldFindings(parsed, (issue): ProblemItem[] => {
      const keys = issue.code === 'unrecognized_keys' ? issue.keys : []
      if (keys.length === 0) return [issueCause(issue, issue.path.join('.') || 'body', body)]
      return keys.map(key => ({
        field: [...issue.path, key].join('.'),
        message: 'is not supported; leave it out',
      }))
    }),
  )
}

function mergeOf(config: MergekitConfig): MergekitMerge {
  // mergekit computes in dtype and rounds to out_dtype; Tureen computes in binary64.
  const outputDtype = config.out_dtype ?? config.dtype ?? undefined
  const common = config.parameters ? [{ field: 'parameters', parameters: config.parameters }] : []
  return {
    method: config.merge_method,
    ...(outputDtype ? { outputDtype } : {}),
    notes: besideTheModel.filter(key => config[key] !== undefined && config[key] !== null).map(noteOnFiles),
    ...(config.slices ? slicedModels(config, common) : listedModels(config, common)),
  }
}

type Parts = Pick<MergekitMerge, 'models' | 'base' | 'isSliced' | 'shared' | 'blocks'>

function listedModels({ models, base_model: base }: MergekitConfig, shared: ParameterPlace[]): Parts {
  if (!models) throw refusal([{ field: 'models', message: 'is missing; list the models there' }])
  const listed = models.map(({ model, parameters }, index) => configured(`models.${index}`, model, parameters))
  return { models: listed, base: reference(base, 'base_model'), isSliced: false, shared }
}

/**
 * Returns the models of one slice that covers all layers of every model.
 * @throws TureenError `TUREEN_REQUEST_INVALID` for other slices
 */
function slicedModels({ slices, models, base_model: common }: MergekitConfig, shared: ParameterPlace[]): Parts {
  const [slice, ...others] = slices ?? []
  const [first] = slice?.sources ?? []
  if (models) throw notWhole('slices', 'stands beside models; mergekit takes one of the two')
  if (!slice || !first || others.length > 0) throw notWhole('slices', `has ${slices?.length} entries`)
  const depth = first.layer_range[1]
  for (const [index, { layer_range: range }] of slice.sources.entries()) {
    if (range[0] === 0 && range[1] === depth && depth > 0) continue
    throw notWhole(`slices.0.sources.${index}.layer_range`, `is ${range.join(' to ')}, and not 0 to the same number`)
  }
  const own = slice.parameters ? [{ field: 'slices.0.parameters', parameters: slice.parameters }] : []
  return {
    models: slice.sources.map(({ model, parameters }, index) =>
      configured(`slices.0.sources.${index}`, model, parameters),
    ),
    base: reference(slice.base_model, 'slices.0.base_model') ?? reference(common, 'base_model'),
    isSliced: true,
    shared: [...own, ...shared],
    blocks: depth,
  }
}

function configured(field: string, model: string, parameters: MergekitParameters | null | undefined): ConfiguredModel {
  return { model, field: `${field}.model`, own: { field: `${field}.parameters`, parameters: parameters ?? {} } }
}

function reference(model: string | null | undefined, field: string): ModelReference | null {
  return model === undefined || model === null ? null : { model, field }
}

function notWhole(field: string, found: string) {
  const advice =
    'is not supported: layers of an ONNX graph cannot be put together anew. One entry whose sources all have the layer_range 0 to their number of layers is taken as models'
  return refusal([{ field, message: `${advice}. This one ${found}` }])
}

function noteOnFiles(key: string): string {
  return `${key} of the mergekit configuration changes nothing: an ONNX file has no tokenizer and no chat template. Embeddings are merged row by row, as the files have them.`
}
