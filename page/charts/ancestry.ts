import type { ModelItem, ModelRecord } from '../../schemas/model.ts'
import { client } from '../connection.ts'
import { numberText, shortDigest } from '../numbers.ts'

/** Most models that a graph of ancestors has. */
export const mostAncestors = 60

/**
 * A model in a graph of ancestors. `generation`: 0 for the model itself; above all that it was made from, counted along the longest way.
 * `isKept`: false if the store has no such model any more. `made`: merge method; undefined for an upload.
 */
export type Ancestor = { sha256: string; name: string; generation: number; isKept: boolean; made: string | undefined }

/** A step from a model to a soup of it. `weight`: as a text, empty for a base that has none. */
export type Descent = { from: string; to: string; weight: string }

export type Ancestry = { models: Ancestor[]; descents: Descent[]; isCut: boolean }

type Lineage = NonNullable<ModelRecord['lineage']>

/** Loads the models that a model was made from, those that these were made from, and so on: at most {@link mostAncestors}. */
export async function loadAncestry(model: ModelRecord, signal: AbortSignal): Promise<Ancestry> {
  const known = new Map<string, ModelItem | undefined>([[model.sha256, model]])
  const descents: Descent[] = []
  let isCut = false
  for (let level: ModelItem[] = [model]; level.length > 0; ) {
    const parents = new Set<string>()
    for (const soup of level) {
      const lineage = lineageOf(soup)
      if (!lineage || soup.sha256 === null) continue
      for (const { digest, weight } of sourcesOf(lineage)) {
        if (!known.has(digest) && known.size + parents.size >= mostAncestors && !parents.has(digest)) isCut = true
        else {
          descents.push({ from: digest, to: soup.sha256, weight })
          if (!known.has(digest)) parents.add(digest)
        }
      }
    }
    const loaded = await Promise.all([...parents].map(async digest => [digest, await kept(digest, signal)] as const))
    for (const [digest, item] of loaded) known.set(digest, item)
    level = loaded.flatMap(([, item]) => item ?? [])
  }
  const generations = generationsOf(model.sha256, descents)
  const models = [...known].map(([sha256, item]) => ({
    sha256,
    name: item?.name ?? shortDigest(sha256),
    generation: generations.get(sha256) ?? 0,
    isKept: item !== undefined,
    made: item && lineageOf(item)?.method,
  }))
  return { models, descents, isCut }
}

function lineageOf(item: ModelItem): Lineage | null {
  return 'unreadable' in item ? null : item.lineage
}

/** Returns the models that a soup was made from, each once. The base is among them. */
function sourcesOf({ inputs, base }: Lineage): { digest: string; weight: string }[] {
  const weights = new Map<string, string>()
  for (const { sha256, weight } of inputs)
    weights.set(sha256, typeof weight === 'number' ? numberText(weight) : 'gradient')
  if (!weights.has(base)) weights.set(base, 'base')
  return [...weights].map(([digest, weight]) => ({ digest, weight }))
}

/** Returns the newest model with a digest; undefined if the store has none. */
async function kept(sha256: string, signal: AbortSignal): Promise<ModelItem | undefined> {
  // A list without items is no error in the console of the browser.
  const { items } = await client.listModels({ sha256, limit: 1 }, { signal })
  return items[0]
}

/** Returns the length of the longest way from each ancestor to the model. Ways that lead back to their start are left out. */
function generationsOf(model: string, descents: readonly Descent[]): Map<string, number> {
  const generations = new Map([[model, 0]])
  const limit = mostAncestors
  for (let round = 0, isChanged = true; isChanged && round < limit; round += 1) {
    isChanged = false
    for (const { from, to } of descents) {
      const next = (generations.get(to) ?? 0) + 1
      if (from === model || next <= (generations.get(from) ?? 0)) continue
      generations.set(from, next)
      isChanged = true
    }
  }
  return generations
}
