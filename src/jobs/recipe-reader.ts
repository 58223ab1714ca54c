import type { ErrorCode } from '../error-catalogue.ts'
import { TureenError } from '../errors.ts'
import { convertMergekit } from '../merge/convert-mergekit.ts'
import { isMergekitConfig, readMergekit } from '../merge/mergekit-config.ts'
import { referencesIn, withReferences } from '../merge/mergekit-models.ts'
import { modelErrors } from '../models/model-errors.ts'
import type { ModelStore } from '../models/model-store.ts'
import { threadErrors } from '../threads/thread-errors.ts'
import type { ThreadPool } from '../threads/thread-pool.ts'

/** Reads recipes in YAML, and configurations of mergekit. */
export type RecipeReader = {
  /** Reads YAML. @throws TureenError `TUREEN_BODY_MALFORMED`, `TUREEN_TOO_LARGE`, `TUREEN_REQUEST_INVALID` */
  yaml: ThreadPool['readYaml']
  /**
   * Returns a body for `POST /v1/merges`. It converts a configuration of mergekit, and returns any other body unchanged.
   * @throws TureenError `TUREEN_REQUEST_INVALID` that names settings without a counterpart, `TUREEN_NOT_FOUND`
   */
  mergeRequest(body: unknown): Promise<unknown>
}

/** Error codes of {@link RecipeReader}. */
export const recipeErrors = {
  yaml: threadErrors.readYaml,
  mergeRequest: [...modelErrors.get, 'TUREEN_REQUEST_INVALID'],
} as const satisfies Record<keyof RecipeReader, readonly ErrorCode[]>

export function createRecipeReader(models: ModelStore, { readYaml }: ThreadPool): RecipeReader {
  return {
    yaml: readYaml,
    async mergeRequest(body) {
      if (!isMergekitConfig(body)) return body
      const merge = readMergekit(body)
      const ids: string[] = []
      for (const { model, field } of referencesIn(merge)) ids.push(await idOf(model, field, models))
      return convertMergekit(withReferences(merge, ids))
    },
  }
}

/**
 * Returns the id of the model that a configuration names, by id, digest or name. If models with one name have equal content, it is the
 * newest.
 */
async function idOf(reference: string, field: string, store: ModelStore): Promise<string> {
  try {
    return (await store.get(reference, field)).id
  } catch (error) {
    const { items } = await store.list({ name: reference, label: {}, limit: 500 })
    const [newest] = items
    if (!newest) throw error
    if (items.every(({ sha256 }) => sha256 === newest.sha256)) return newest.id
    const expected = items.map(({ id }) => id).join(', ')
    const message = `is the name of ${items.length} different models; name one by its id: ${expected}`
    throw new TureenError('TUREEN_REQUEST_INVALID', `The name ${reference} ${message}.`, [
      { field, model: reference, expected, actual: reference, message },
    ])
  }
}
