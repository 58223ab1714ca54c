import type { RunnableModel } from '../evaluate/protocol.ts'
import { type CandidateSoup, candidateSettings } from '../merge/candidate-plan.ts'
import type { MergeSettings } from '../merge/merge-input.ts'
import { methodNamed } from '../merge/methods/merge-method-registry.ts'
import { numericsVersion, recipeDocument } from '../merge/provenance.ts'
import { isSingle } from '../search/candidate-soup.ts'
import type { ContentFiles } from '../storage/content-files.ts'
import { bytesOf } from '../storage/model-paths.ts'
import type { CandidateWriter } from '../threads/candidate-thread.ts'
import type { MergeFile } from '../threads/merge-inputs.ts'
import type { ResolvedSearch, SearchedModel } from './resolve-search.ts'

/** Files in which soups can be read while they are being scored. */
export type SoupFiles = {
  /**
   * Runs `use` with the files of a soup: a model's own, or one that is written for it and removed afterwards, its batch norms to be
   * measured if the search asks for that. A model by itself has the statistics of its own weights.
   */
  withFiles<Result>(soup: CandidateSoup, use: (model: RunnableModel) => Promise<Result>): Promise<Result>
}

export function soupFiles(
  { models, files, base, recalibration }: Pick<ResolvedSearch, 'models' | 'files' | 'base' | 'recalibration'>,
  contentFiles: ContentFiles,
  writer: Promise<CandidateWriter>,
): SoupFiles {
  return {
    async withFiles(soup, use) {
      const own = ownFile(soup, models)
      if (own) return use(own.paths)
      const bytes = await bytesOf(fileAt(files, base ?? soup.members[0] ?? 0))
      const calibration = isSingle(soup) ? undefined : recalibration?.calibration
      return contentFiles.withOutput(bytes, async output =>
        use({ ...(await (await writer).write(soup, output)), ...(calibration ? { calibration } : {}) }),
      )
    },
  }
}

/** The model that a soup is, if its own file can be run as a soup is. */
function ownFile(soup: CandidateSoup, models: ResolvedSearch['models']): SearchedModel | undefined {
  const model = isSingle(soup) ? models[soup.members[0] ?? 0] : undefined
  return model?.standsForItself ? model : undefined
}

type Soups = Pick<ResolvedSearch, 'files' | 'base' | 'settings' | 'models'>

/** A soup of a search as a merge of its own: the one whose recipe, posted to /v1/merges, gives the same bytes. */
export function soupMerge(
  soup: CandidateSoup,
  { files: all, base: place, settings: common }: Omit<Soups, 'models'>,
  provenance: boolean,
): { files: MergeFile[]; settings: MergeSettings } {
  const { members, weights } = soup
  const files = members.map((member, index): MergeFile => ({ ...fileAt(all, member), weight: weights[index] ?? 0 }))
  const { recalibrate, ...others } = common
  const measured = recalibrate && members.length > 1 ? { recalibrate } : {}
  const settings = { ...candidateSettings(soup, others), ...measured, provenance }
  const fishers = methodNamed(settings.method).fisher ? fishersOf(all, members) : []
  if (place === null) return { files: [...files, ...fishers], settings: { ...settings, base: 0 } }
  const among = members.indexOf(place)
  const base = among >= 0 ? among : files.push({ ...fileAt(all, place), weight: null }) - 1
  return { files: [...files, ...fishers], settings: { ...settings, base } }
}

/** The Fisher information of a soup's members, as that of models in its own order. */
function fishersOf(files: readonly MergeFile[], members: readonly number[]): MergeFile[] {
  return members.flatMap((member, fisherOf) => {
    const file = files.find(each => each.fisherOf === member)
    return file ? [{ ...file, fisherOf }] : []
  })
}

/** What determines the bytes that are scored: the digest of a model, or the recipe of a soup. */
export function soupOrigin(soup: CandidateSoup, search: Soups): unknown {
  const own = ownFile(soup, search.models)
  if (own) return own.sha256
  const { files, settings } = soupMerge(soup, search, false)
  return { numerics: numericsVersion, recipe: recipeDocument(files, settings) }
}

function fileAt(files: readonly MergeFile[], place: number): MergeFile {
  const file = files[place]
  if (!file) throw new RangeError(`the search has no model ${place}`)
  return file
}
