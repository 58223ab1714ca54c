import type { ModelRecord } from '../../schemas/model.ts'
import type { SearchRequest } from '../../schemas/search.ts'
import { type ProblemItem, TureenError } from '../errors.ts'
import { metricNamed } from '../evaluate/metric-choice.ts'
import { requireFit } from '../evaluate/metric-fit.ts'
import type { MergeSettings } from '../merge/merge-input.ts'
import type { Dimension } from '../search/dimension.ts'
import type { SearchedMethod } from '../search/run-search.ts'
import type { ModelPaths } from '../storage/model-paths.ts'
import type { MergeFile } from '../threads/merge-inputs.ts'
import {
  type ResolvedDataset,
  type ResolvedMetric,
  resolveDataset,
  resolveMetric,
  type Stores,
} from './resolve-evaluation.ts'
import { searchedSettings } from './search-dimensions.ts'

/** What soups are scored by: on selection, or on test. */
export type Scoring = { dataset: ResolvedDataset; metric: ResolvedMetric }

/** `hasBaseNames`: whether its inputs and outputs are called as the base's are, so that its own file can be run in place of a soup. */
export type SearchedModel = { id: string; sha256: string; paths: ModelPaths; hasBaseNames: boolean }

/** A search request with everything found and checked that can be without reading the models. */
export type ResolvedSearch = {
  models: SearchedModel[]
  /** The models in order, and behind them the base where it is none of them. */
  files: MergeFile[]
  /** The place in `files` of the base; null if each soup is made from its first model. */
  base: number | null
  /** Globs on tensor names that have weights of their own. */
  groups: readonly string[]
  settings: Omit<MergeSettings, 'base'>
  /** Parameters of the method that are searched. */
  dimensions: readonly Dimension[]
  method: SearchedMethod
  selection: Scoring
  test: Scoring | null
  inputIds: string[]
}

/**
 * @throws TureenError `TUREEN_NOT_FOUND`, `TUREEN_MODEL_INCOMPLETE`, `TUREEN_DATASET_MISMATCH`, `TUREEN_METRIC_MISMATCH`,
 *   `TUREEN_REQUEST_INVALID`, `TUREEN_SEARCH_TOO_LARGE`
 */
export async function resolveSearch(request: SearchRequest, stores: Stores): Promise<ResolvedSearch> {
  requirePossible(request)
  const { strategy, nonFloat } = request
  const records = []
  for (const [index, { id }] of request.models.entries())
    records.push(await stores.models.getComplete(id, `models.${index}.id`))
  const baseRecord = request.base === undefined ? null : await stores.models.getComplete(request.base, 'base')
  const [first] = records
  const bound = baseRecord ?? first
  if (!bound) throw invalid([{ field: 'models', message: 'a search chooses among at least two models' }])
  const models = records.map(record => ({
    id: record.id,
    sha256: record.sha256,
    paths: stores.models.paths(record),
    hasBaseNames: interfaceOf(record) === interfaceOf(bound),
  }))
  const files = models.map(
    ({ sha256, paths }, index): MergeFile => ({
      label: request.models[index]?.id ?? '',
      weight: 1,
      sha256,
      ...paths,
    }),
  )
  let base = records.every(record => isAlike(record, bound)) ? null : 0
  if (baseRecord) {
    const { sha256 } = baseRecord
    base = models.findIndex(model => model.sha256 === sha256)
    const label = request.base ?? ''
    if (base < 0) base = files.push({ label, sha256, weight: null, ...stores.models.paths(baseRecord) }) - 1
  }
  const groups = 'groups' in strategy ? strategy.groups : []
  const rules = groups.map(match => ({ match, weights: models.map(() => 1) }))
  const inputs = { weights: models.map(() => 1), hasBase: request.base !== undefined, fishers: 0 }
  const { settings, dimensions, method } = searchedSettings(request, inputs, rules)
  const selection = await resolveScoring('selection', request.selection, bound, stores)
  const test = request.test
    ? await resolveScoring(
        'test',
        { ...request.selection, ...request.test, metric: request.test.metric ?? request.selection.metric },
        bound,
        stores,
      )
    : null
  const scorings = [selection, ...(test ? [test] : [])]
  return {
    models,
    files,
    base,
    groups,
    settings: { ...settings, nonFloat, provenance: false },
    dimensions,
    method,
    selection,
    test,
    inputIds: [
      ...models.map(({ id }) => id),
      ...(baseRecord ? [baseRecord.id] : []),
      ...scorings.flatMap(({ dataset, metric }) => [dataset.id, ...(metric.modelId ? [metric.modelId] : [])]),
    ],
  }
}

/** Whether soups may be made from the file of the one as well as from that of the other. */
function isAlike(a: ModelRecord, b: ModelRecord): boolean {
  return interfaceOf(a) === interfaceOf(b) && a.fingerprint === b.fingerprint && a.tensorCount === b.tensorCount
}

function interfaceOf({ inputs, outputs }: ModelRecord): string {
  return JSON.stringify([inputs, outputs].map(values => values.map(({ name }) => name)))
}

function requirePossible({ models, strategy }: SearchRequest): void {
  const hasParameters =
    ('parameter' in strategy && strategy.parameter !== undefined) || ('parameters' in strategy && strategy.parameters)
  if (models.length < 2 && !hasParameters)
    throw invalid([{ field: 'models', message: 'a search chooses among at least two models' }])
  if (strategy.type === 'sweep' && !hasParameters && models.length !== 2) {
    const message = `a sweep follows the line between two models, and there are ${models.length}`
    throw invalid([{ field: 'models', message }])
  }
  if (strategy.type === 'exhaustive' && models.length > strategy.maxModels) {
    const candidates = 2 ** models.length - 1
    const message = `${models.length} models have ${candidates.toLocaleString('en')} soups`
    throw new TureenError(
      'TUREEN_SEARCH_TOO_LARGE',
      `An exhaustive search scores every soup, and ${message}: beyond the ${strategy.maxModels} models of maxModels. Search greedily, leave the worst models out, or raise strategy.maxModels (16 at most).`,
      [{ field: 'models', message }],
    )
  }
}

type ScoringRequest = SearchRequest['selection']

async function resolveScoring(
  field: 'selection' | 'test',
  request: ScoringRequest,
  model: ModelRecord,
  stores: Stores,
): Promise<Scoring> {
  try {
    const metric = await resolveMetric(request.metric, 'metric', stores.models)
    const dataset = await resolveDataset(request.dataset, request, model, stores, 'dataset')
    requireMetricFits(metric, dataset, model)
    return { dataset, metric }
  } catch (error) {
    throw error instanceof TureenError ? within(error, field) : error
  }
}

function requireMetricFits(
  { task }: ResolvedMetric,
  { binding, target }: ResolvedDataset,
  { outputs }: { outputs: Parameters<typeof requireFit>[1][] },
): void {
  const output = outputs.find(({ name }) => name === binding.output)
  if (task.kind !== 'registered' || !target || !output) return
  const fed = binding.inputs.map(({ feeding }) => feeding)
  const unbatched = fed.includes('sample') && !fed.includes('batch')
  const dims = unbatched && output.dims ? [1, ...output.dims] : output.dims
  requireFit(metricNamed(task.metric, 'metric'), { ...output, dims }, target, 'metric')
}

/** An error about a part of the request, its fields named from the whole of it. */
function within(error: TureenError, part: string): TureenError {
  const errors = error.errors.map(item =>
    item.field === undefined ? item : { ...item, field: `${part}.${item.field}` },
  )
  return new TureenError(error.code, error.message, errors, { cause: error })
}

function invalid(errors: ProblemItem[]): TureenError {
  return new TureenError('TUREEN_REQUEST_INVALID', `The search cannot be made: ${errors[0]?.message}.`, errors)
}
