/** The release of mergekit whose reading of a configuration is followed. */
export const mergekitVersion = '0.1.4'

/**
 * A parameter of a method of mergekit. `scope`: `all` parameters are read only from the whole configuration; `model`
 * parameters from each model first. `fallback`: the default; undefined if the parameter is required.
 */
export type MergekitParameter = { scope: 'all' | 'model'; fallback?: number | boolean }

/**
 * A method of mergekit. `takes`: `all` merges every model, including the base; `changes` merges the other models'
 * changes of the base; `pair` merges the base and one other model.
 */
export type MergekitMethod = {
  takes: 'all' | 'changes' | 'pair'
  parameters: Readonly<Record<string, MergekitParameter>>
}

const all = (fallback?: number | boolean): MergekitParameter => ({
  scope: 'all',
  ...(fallback === undefined ? {} : { fallback }),
})
const ofModel = (fallback?: number): MergekitParameter => ({
  scope: 'model',
  ...(fallback === undefined ? {} : { fallback }),
})

/** Returns a method that drops some changes and adds the rest, weighted. */
function dropping(normalize: boolean, rescale: boolean, own: MergekitMethod['parameters'] = {}): MergekitMethod {
  const parameters = { weight: ofModel(), density: ofModel(1), normalize: all(normalize), rescale: all(rescale) }
  return { takes: 'changes', parameters: { ...parameters, lambda: all(1), ...own } }
}

/**
 * Methods of mergekit that Tureen also has, with every parameter that changes their result in mergekit, and its
 * default.
 */
export const mergekitMethods: ReadonlyMap<string, MergekitMethod> = new Map<string, MergekitMethod>([
  ['linear', { takes: 'all', parameters: { weight: ofModel(), normalize: all(true) } }],
  ['slerp', { takes: 'pair', parameters: { t: all() } }],
  [
    'nuslerp',
    {
      takes: 'changes',
      parameters: { weight: ofModel(), nuslerp_row_wise: all(false), nuslerp_flatten: all(true) },
    },
  ],
  ['multislerp', { takes: 'changes', parameters: { weight: ofModel(), normalize_weights: all(true), eps: all(1e-8) } }],
  ['karcher', { takes: 'all', parameters: { max_iter: all(10), tol: all(1e-5) } }],
  ['model_stock', { takes: 'changes', parameters: { filter_wise: all(false) } }],
  ['task_arithmetic', { takes: 'changes', parameters: { weight: ofModel(), normalize: all(false), lambda: all(1) } }],
  ['ties', dropping(true, false)],
  ['dare_linear', dropping(false, true)],
  ['dare_ties', dropping(false, true)],
  ['della', dropping(true, true, { epsilon: ofModel(0.15) })],
  ['della_linear', dropping(false, true, { epsilon: ofModel(0.15) })],
  ['breadcrumbs', dropping(false, false, { gamma: ofModel(0.01) })],
  ['breadcrumbs_ties', dropping(false, false, { gamma: ofModel(0.01) })],
  ['sce', { takes: 'changes', parameters: { select_topk: all(1) } }],
  ['nearswap', { takes: 'pair', parameters: { t: all() } }],
])

/** Names of parameters that some method of mergekit has; the other methods ignore them. */
export const mergekitParameterNames: ReadonlySet<string> = new Set([
  ...[...mergekitMethods.values()].flatMap(({ parameters }) => Object.keys(parameters)),
  'int8_mask',
  'scale',
])
