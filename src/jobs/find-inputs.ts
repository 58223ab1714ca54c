import type { ModelRecord } from '../../schemas/model.ts'
import type { WeightValue } from '../merge/gradient.ts'
import { mergeInputs, type SearchInputs, type Weighted } from '../merge/merge-inputs.ts'
import type { ModelStore } from '../models/model-store.ts'
import type { MergeFile } from '../threads/open-inputs.ts'

/** Models that a merge or search request names. `fisher`: ID of the model with the Fisher information of this one. */
export type NamedInputs = {
  models: readonly { id: string; weight: WeightValue; fisher?: string | undefined }[]
  base?: string | undefined
}

/** Records and files of the models that a request names. */
export type FoundInputs = {
  /** Models in the order of the request. */
  models: ModelRecord[]
  /** Null if the request names none. */
  base: ModelRecord | null
  inputs: SearchInputs<MergeFile>
  /** IDs of all records: of the models, the base and the Fisher information. */
  inputIds: string[]
}

/**
 * Finds the models that a request names.
 * @param takesCheckpoints true if all of them may be checkpoints
 * @throws TureenError `TUREEN_NOT_FOUND`, `TUREEN_MODEL_INCOMPLETE`, `TUREEN_CHECKPOINT_UNSUITABLE`, naming the field
 */
export async function findInputs(
  request: NamedInputs,
  store: Pick<ModelStore, 'getComplete' | 'paths'>,
  takesCheckpoints = false,
): Promise<FoundInputs> {
  const find = async (label: string, field: string) => {
    const record = await store.getComplete(label, field, takesCheckpoints)
    const file: MergeFile = { label, sha256: record.sha256, ...store.paths(record) }
    return { record, file }
  }
  const found: { record: ModelRecord; file: Weighted<MergeFile> }[] = []
  for (const [index, { id, weight }] of request.models.entries()) {
    const { record, file } = await find(id, `models.${index}.id`)
    found.push({ record, file: { ...file, weight } })
  }
  const base = request.base === undefined ? null : await find(request.base, 'base')
  const fishers: Awaited<ReturnType<typeof find>>[] = []
  for (const [index, { fisher }] of request.models.entries())
    if (fisher !== undefined) fishers.push(await find(fisher, `models.${index}.fisher`))
  const models = found.map(({ file }) => file)
  const companions = fishers.map(({ file }) => file)
  return {
    models: found.map(({ record }) => record),
    base: base?.record ?? null,
    inputs: { models, base: base && mergeInputs(models, base.file).base, companions },
    inputIds: [...found, ...(base ? [base] : []), ...fishers].map(({ record }) => record.id),
  }
}
