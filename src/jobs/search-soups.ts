import type { RunnableModel, SoupSource } from '../evaluate/protocol.ts'
import { type CandidateSoup, candidateSettings } from '../merge/candidate-plan.ts'
import { defaultSettings, type MergeSettings } from '../merge/merge-input.ts'
import { filesOf, type MergeInputs, memberInputs, mergeInputs } from '../merge/merge-inputs.ts'
import { methodNamed } from '../merge/methods/merge-method-registry.ts'
import { numericsVersion, recipeDocument } from '../merge/provenance.ts'
import { baseSoup, isBase, isSingle } from '../search/candidate-soup.ts'
import type { MergeFile } from '../threads/open-inputs.ts'
import type { ResolvedSearch, SearchedModel } from './resolve-search.ts'
import type { ScoredModel } from './score-subject.ts'
import type { SearchPlans } from './search-plans.ts'

/** The soups of a search, as evaluators run them. */
export type RunnableSoups = {
  /** Returns the models that evaluators make soups from, with the plans so far. */
  source(): SoupSource
  /** Returns a soup to run: a model by its own files, which keeps its own statistics, or a soup to make by a plan of the source. */
  runnable(soup: CandidateSoup): Promise<RunnableModel>
}

export function runnableSoups(
  {
    models,
    base,
    inputs,
    settings,
    recalibration,
  }: Pick<ResolvedSearch, 'models' | 'base' | 'inputs' | 'settings' | 'recalibration'>,
  plans: Pick<SearchPlans, 'paths' | 'baseOf'>,
): RunnableSoups {
  // The digest of a data set says nothing to an evaluator.
  const { recalibrate: _, ...merging } = settings
  const source = {
    inputs: filesOf(inputs).map(({ path, data }) => ({ path, data })),
    settings: merging,
    calibration: recalibration?.calibration ?? null,
  }
  return {
    source: () => ({ ...source, plans: new Map(plans.paths) }),
    async runnable(soup) {
      const own = ownFile(soup, { models, base })
      if (own) return own.paths
      return { soup, base: await plans.baseOf(soup), recalibrated: recalibration !== null && !isSingle(soup) }
    },
  }
}

/** Returns the soup that stands for the base of the request: the model itself if it is one of the search. Null without a base. */
export function soupOfBase({ models, base }: Pick<ResolvedSearch, 'models' | 'base'>): CandidateSoup | null {
  if (!base) return null
  const member = models.findIndex(({ sha256, standsForItself }) => sha256 === base.sha256 && standsForItself)
  return member < 0 ? baseSoup : { members: [member], weights: [1], rules: [] }
}

/** Returns the single model of a soup, if its own file can run in place of the soup; the base for the soup that stands for it. */
function ownFile(
  soup: CandidateSoup,
  { models, base }: Pick<ResolvedSearch, 'models' | 'base'>,
): SearchedModel | undefined {
  if (isBase(soup)) return base ?? undefined
  const model = isSingle(soup) ? models[soup.members[0] ?? 0] : undefined
  return model?.standsForItself ? model : undefined
}

type Soups = Pick<ResolvedSearch, 'inputs' | 'settings' | 'models' | 'base'>

/** Returns the merge that makes a soup of a search. Its recipe, sent to /v1/merges, gives the same bytes. */
export function soupMerge(
  soup: CandidateSoup,
  { inputs, settings: common }: Pick<Soups, 'inputs' | 'settings'>,
  provenance: boolean,
): { inputs: MergeInputs<MergeFile>; settings: MergeSettings } {
  const { recalibrate, ...others } = common
  // The base alone is the base, by any method.
  if (isBase(soup) && inputs.base)
    return { inputs: mergeInputs([{ ...inputs.base, weight: 1 }]), settings: { ...defaultSettings, provenance } }
  const measured = recalibrate && soup.members.length > 1 ? { recalibrate } : {}
  const settings = { ...candidateSettings(soup, others), ...measured, provenance }
  const companions = methodNamed(settings.method).fisher ? inputs.companions : []
  return { inputs: memberInputs({ ...inputs, companions }, soup), settings }
}

/** Returns the value that determines the scored bytes: the digest of a model, or the recipe of a soup. */
export function soupOrigin(soup: CandidateSoup, search: Soups): ScoredModel {
  const own = ownFile(soup, search)
  if (own) return own.sha256
  const { inputs, settings } = soupMerge(soup, search, false)
  return { numerics: numericsVersion, recipe: recipeDocument(inputs, settings) }
}

/** Returns a soup in words: the models of the request that it has. */
export function soupName(
  { members }: CandidateSoup,
  { models, base }: Pick<ResolvedSearch, 'models' | 'base'>,
): string {
  if (members.length === 0) return `the base ${base?.name ?? base?.id ?? ''}`
  const names = members.map(member => models[member]?.name ?? models[member]?.id ?? '')
  return names.length === 1 ? `the model ${names[0]}` : `the soup of ${names.join(', ')}`
}
