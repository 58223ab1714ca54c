import type { RunnableModel } from '../evaluate/protocol.ts'
import { type CandidateSoup, candidateSettings } from '../merge/candidate-plan.ts'
import type { MergeSettings } from '../merge/merge-input.ts'
import { type MergeInputs, memberInputs } from '../merge/merge-inputs.ts'
import { methodNamed } from '../merge/methods/merge-method-registry.ts'
import { numericsVersion, recipeDocument } from '../merge/provenance.ts'
import { isSingle } from '../search/candidate-soup.ts'
import type { ContentFiles } from '../storage/content-files.ts'
import { bytesOf } from '../storage/model-paths.ts'
import type { CandidateWriter } from '../threads/candidate-thread.ts'
import type { MergeFile } from '../threads/open-inputs.ts'
import type { ResolvedSearch, SearchedModel } from './resolve-search.ts'

/** Provides the files of soups while they are scored. */
export type SoupFiles = {
  /**
   * Runs `use` with the files of a soup: a model's own files, or a temporary file. If the search recalibrates, the batch norms of the soup
   * are measured first; a single model keeps its own statistics.
   */
  withFiles<Result>(soup: CandidateSoup, use: (model: RunnableModel) => Promise<Result>): Promise<Result>
}

export function soupFiles(
  { models, inputs, recalibration }: Pick<ResolvedSearch, 'models' | 'inputs' | 'recalibration'>,
  contentFiles: ContentFiles,
  writer: Promise<CandidateWriter>,
): SoupFiles {
  return {
    async withFiles(soup, use) {
      const own = ownFile(soup, models)
      if (own) return use(own.paths)
      const bytes = await bytesOf(memberInputs(inputs, soup).base)
      const calibration = isSingle(soup) ? undefined : recalibration?.calibration
      return contentFiles.withOutput(bytes, async output =>
        use({ ...(await (await writer).write(soup, output)), ...(calibration ? { calibration } : {}) }),
      )
    },
  }
}

/** Returns the single model of a soup, if its own file can run in place of the soup. */
function ownFile(soup: CandidateSoup, models: ResolvedSearch['models']): SearchedModel | undefined {
  const model = isSingle(soup) ? models[soup.members[0] ?? 0] : undefined
  return model?.standsForItself ? model : undefined
}

type Soups = Pick<ResolvedSearch, 'inputs' | 'settings' | 'models'>

/** Returns the merge that makes a soup of a search. Its recipe, sent to /v1/merges, gives the same bytes. */
export function soupMerge(
  soup: CandidateSoup,
  { inputs, settings: common }: Omit<Soups, 'models'>,
  provenance: boolean,
): { inputs: MergeInputs<MergeFile>; settings: MergeSettings } {
  const { recalibrate, ...others } = common
  const measured = recalibrate && soup.members.length > 1 ? { recalibrate } : {}
  const settings = { ...candidateSettings(soup, others), ...measured, provenance }
  const companions = methodNamed(settings.method).fisher ? inputs.companions : []
  return { inputs: memberInputs({ ...inputs, companions }, soup), settings }
}

/** Returns the value that determines the scored bytes: the digest of a model, or the recipe of a soup. */
export function soupOrigin(soup: CandidateSoup, search: Soups): unknown {
  const own = ownFile(soup, search.models)
  if (own) return own.sha256
  const { inputs, settings } = soupMerge(soup, search, false)
  return { numerics: numericsVersion, recipe: recipeDocument(inputs, settings) }
}
