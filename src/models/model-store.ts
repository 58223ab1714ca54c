import type { ModelRecord } from '../../schemas/model.ts'
import { TureenError } from '../errors.ts'
import { requireComplete } from '../merge/incomplete.ts'
import { inlineSettings } from '../merge/merge-input.ts'
import type { RecipeDocument } from '../merge/provenance.ts'
import type { TensorDescription } from '../onnx/skeleton.ts'
import type { Artifacts, ReceivedFile } from '../storage/artifacts.ts'
import type { Contents } from '../storage/contents.ts'
import type { Catalog } from '../storage/database.ts'
import { refuseWhileInUse } from '../storage/job-inputs.ts'
import type { Labels } from '../storage/labels.ts'
import type { ModelPaths } from '../storage/model-paths.ts'
import { decodeIndexCursor, encodeCursor, type Page } from '../storage/paging.ts'
import type { WrittenFile } from '../threads/merge-task.ts'
import type { ThreadPool } from '../threads/thread-pool.ts'
import { isComplete, noFile, unknownLocation } from './data-refusals.ts'
import type { ModelFile } from './model-files.ts'
import * as records from './model-records.ts'

export type NewUpload = { name: string | null; labels: Labels }

/**
 * The models that are kept: records in the catalog, each pointing to content that is stored once.
 * What is acknowledged is on the disk; what is refused leaves nothing.
 */
export type ModelStore = {
  /**
   * Takes received files in, checked to be a model and data files that it refers to; what it lacks may come later. `created` is
   * false if the same bytes stood there under this name and labels.
   */
  add(files: ReceivedModel, upload: NewUpload): Promise<{ model: ModelRecord; created: boolean }>
  /** Takes in a data file of a model that lacks it. @throws TureenError `TUREEN_NOT_FOUND`, `TUREEN_MODEL_COMPLETE`, `TUREEN_MODEL_MALFORMED` */
  addData(reference: string, file: ReceivedData): Promise<ModelRecord>
  /** Publishes merged files, then runs `commit`, which is to insert their record in the transaction of its choice. */
  addMerged<Result>(files: readonly ReceivedData[], commit: (insert: InsertMerged) => Promise<Result>): Promise<Result>
  /** @throws TureenError `TUREEN_NOT_FOUND` naming `field`, where the reference stood in a request */
  get(reference: string, field?: string): Promise<ModelRecord>
  /** As {@link ModelStore.get}, for use. @throws TureenError `TUREEN_MODEL_INCOMPLETE` besides */
  getComplete(reference: string, field: string): Promise<ModelRecord>
  list(filters: records.ModelFilters): Promise<Page<ModelRecord>>
  tensors(reference: string, page: { limit: number; cursor?: string | undefined }): Promise<Page<TensorDescription>>
  recipe(reference: string): Promise<RecipeDocument>
  /** @throws TureenError `TUREEN_IN_USE` while a job needs it */
  remove(reference: string): Promise<void>
  /** Where the files of a model lie. */
  paths(model: Pick<ModelRecord, 'files'>): ModelPaths
  /** Gives complete models without a fingerprint theirs; `onError` hears of those that cannot be read. */
  renewFingerprints(onError: (error: unknown) => void): Promise<void>
  /**
   * Runs `use` with all of a model in one file, made for it and removed afterwards.
   * @throws TureenError `TUREEN_MODEL_INCOMPLETE`; `TUREEN_MODEL_UNSUPPORTED` if it would be 2 GiB or more
   */
  withInline<Result>(
    model: ModelRecord,
    signal: AbortSignal,
    use: (file: Omit<WrittenFile, 'location'>) => Promise<Result>,
  ): Promise<Result>
  /** A file of a model by its location. @throws TureenError `TUREEN_NOT_FOUND`, or `TUREEN_MODEL_INCOMPLETE` if it is yet to come */
  file(model: ModelRecord, location: string): ModelFile & { path: string }
}

/** A file that has been received as one of a model's: `location` is what the model calls it, empty for the model's own. */
export type ReceivedData = ReceivedFile & { location: string }

/** The files of one model, its own first. */
export type ReceivedModel = readonly [ReceivedData, ...ReceivedData[]]

export type InsertMerged = (catalog: Catalog, model: NewUpload & { recipe: RecipeDocument }) => Promise<string>

export function createModelStore(
  catalog: Catalog,
  artifacts: Artifacts,
  contents: Contents,
  threads: ThreadPool,
): ModelStore {
  const get: ModelStore['get'] = async (reference, field) => {
    const id = await records.resolveModel(catalog, reference)
    const model = id === undefined ? undefined : await records.modelById(catalog, id)
    if (model) return model
    const message = `there is no model ${reference}`
    throw new TureenError(
      'TUREEN_NOT_FOUND',
      `In this store ${message}; upload it first, or list the models with GET /v1/models.`,
      [{ model: reference, ...(field === undefined ? {} : { field }), message }],
    )
  }

  const fileAt = ({ files }: Pick<ModelRecord, 'files'>, location: string) => {
    const file = files.find(each => each.location === location)
    return file && { ...file, path: contents.path(file.sha256) }
  }
  const main = (model: Pick<ModelRecord, 'files'>) => {
    const file = fileAt(model, '')
    if (file) return file
    throw new RangeError('a model without a file of its own')
  }

  const paths: ModelStore['paths'] = model => ({
    path: main(model).path,
    data: model.files.flatMap(({ location, sha256 }) => (location ? [{ location, path: contents.path(sha256) }] : [])),
  })

  return {
    get,
    async add(files, upload) {
      try {
        const [main, ...data] = files
        const inspected = await threads.inspect({ path: main.path, data })
        for (const { location, bytes } of data) {
          if (!inspected.externalData.includes(location)) throw unknownLocation(location, inspected.externalData)
          await threads.checkData(main.path, location, bytes)
        }
        const model = { ...upload, files, inspected, recipe: null }
        return await contents.add(files, async () => {
          const same = await records.sameModel(catalog, model)
          if (same) return { model: same, created: false }
          const id = await catalog.transaction().execute(transaction => records.insertModel(transaction, model))
          return { model: await get(id), created: true }
        })
      } finally {
        for (const { path } of files) await artifacts.discard(path)
      }
    },
    async addData(reference, file) {
      try {
        const model = await get(reference)
        const wanted = [...model.missing, ...model.files.flatMap(({ location }) => location || [])]
        if (!wanted.includes(file.location)) throw unknownLocation(file.location, wanted)
        await threads.checkData(main(model).path, file.location, file.bytes)
        let replaced: string | undefined
        const added = await contents.add([file], async () => {
          const now = await get(model.id)
          const before = now.files.find(({ location }) => location === file.location)
          if (before?.sha256 === file.sha256) return now
          if (now.status === 'complete') throw isComplete(reference, file.location)
          const completed = { ...now, files: [...now.files.filter(each => each !== before), file] }
          const isLast = now.missing.every(location => location === file.location)
          const { fingerprint } = isLast ? await threads.inspect(paths(completed)) : { fingerprint: null }
          await catalog.transaction().execute(async transaction => {
            await records.putModelFile(transaction, model.id, file)
            await records.setFingerprint(transaction, model.id, fingerprint)
          })
          replaced = before?.sha256
          return get(model.id)
        })
        if (replaced !== undefined) await contents.release(async () => [replaced ?? ''])
        return added
      } finally {
        await artifacts.discard(file.path)
      }
    },
    async addMerged(files, commit) {
      const [own, ...data] = files
      if (!own) throw new RangeError('a model has at least one file')
      const inspected = await threads.inspect({ path: own.path, data })
      return contents.add(files, () =>
        commit((transaction, model) => records.insertModel(transaction, { ...model, inspected, files })),
      )
    },
    async getComplete(reference, field) {
      const model = await get(reference, field)
      requireComplete(reference, model.missing)
      return model
    },
    list: filters => records.listModels(catalog, filters),
    async tensors(reference, { limit, cursor }) {
      const { path } = main(await get(reference))
      const from = cursor === undefined ? 0 : decodeIndexCursor(cursor)
      const { total, tensors } = await threads.tensors(path, from, limit)
      return { items: tensors, nextCursor: from + limit < total ? encodeCursor(String(from + limit)) : null }
    },
    async recipe(reference) {
      const { id } = await get(reference)
      const recipe = await records.recipeOf(catalog, id)
      if (recipe) return recipe
      const message = 'was uploaded, not made here, so that it has no recipe'
      throw new TureenError('TUREEN_NOT_FOUND', `The model ${reference} ${message}.`, [{ model: reference, message }])
    },
    async remove(reference) {
      const { id, files } = await get(reference)
      await contents.release(() =>
        catalog.transaction().execute(async transaction => {
          await refuseWhileInUse(transaction, id, `The model ${reference}`, { model: reference })
          await records.deleteModel(transaction, id)
          return files.map(({ sha256 }) => sha256)
        }),
      )
    },
    withInline: (model, signal, use) =>
      artifacts.withOutput(async output => {
        requireComplete(model.id, model.missing)
        const input = { label: model.id, sha256: model.sha256, weight: 1, ...paths(model) }
        const { files } = await threads.merge([input], inlineSettings, { output, durable: false, signal })
        const [file] = files
        if (!file) throw new RangeError('a merge without a file')
        return use(file)
      }),
    paths,
    async renewFingerprints(onError) {
      for (const model of await records.modelsWithoutFingerprint(catalog)) {
        try {
          const { fingerprint } = await threads.inspect(paths(model))
          await records.setFingerprint(catalog, model.id, fingerprint)
        } catch (error) {
          onError(error)
        }
      }
    },
    file(model, location) {
      const file = fileAt(model, location)
      if (file) return file
      throw noFile(model, location)
    },
  }
}
