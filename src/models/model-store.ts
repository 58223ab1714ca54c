import type { ModelItem, ModelRecord, ModelUpload } from '../../schemas/model.ts'
import { TureenError } from '../errors.ts'
import { requireComplete } from '../merge/incomplete.ts'
import { inlineSettings } from '../merge/merge-input.ts'
import { mergeInputs } from '../merge/merge-inputs.ts'
import type { RecipeDocument } from '../merge/provenance.ts'
import { unknownLocation } from '../onnx/unknown-location.ts'
import { requireSound } from '../storage/content-damage.ts'
import type { ContentFiles } from '../storage/content-files.ts'
import type { Contents } from '../storage/contents.ts'
import { type Catalog, type KeepWith, nothingBeside } from '../storage/database.ts'
import { extendLife } from '../storage/expiry.ts'
import { inParallel } from '../storage/in-parallel.ts'
import { refuseWhileInUse } from '../storage/job-inputs.ts'
import { bytesOf, type ModelPaths } from '../storage/model-paths.ts'
import { decodeIndexCursor, encodeCursor, type Page } from '../storage/paging.ts'
import type { ReceivedFile } from '../storage/received-file.ts'
import type { Labels } from '../storage/record-labels.ts'
import { requireReadable } from '../storage/unreadable.ts'
import type { ListedTensor } from '../threads/inspect-task.ts'
import type { WrittenFile } from '../threads/merge-task.ts'
import type { ThreadPool } from '../threads/thread-pool.ts'
import { isComplete, noFile } from './data-refusals.ts'
import { meantFiles } from './meant-files.ts'
import type { ModelFile } from './model-digest.ts'
import * as records from './model-records.ts'

/** The client's values for an upload. `expiresAt`: RFC 3339; null: never. */
export type NewUpload = { name: string | null; labels: Labels; expiresAt: string | null }

/**
 * The stored models: records in the catalog that refer to content. An acknowledged upload is on disk; a refused upload leaves nothing.
 */
export type ModelStore = {
  /**
   * Checks received files and stores them as a model. External data that it lacks may come later. `created` is false if a record with the
   * same bytes, name and labels exists; its expiry is extended if needed.
   */
  add(files: ReceivedModel, upload: NewUpload, keep?: KeepWith<ModelUpload>): Promise<ModelUpload>
  /**
   * Stores a data file that a model lacks.
   * @param allow called with the present file at the location, just before; it may throw to refuse the new one
   * @throws TureenError `TUREEN_NOT_FOUND`, `TUREEN_MODEL_COMPLETE`, `TUREEN_MODEL_MALFORMED`
   */
  addData(reference: string, file: ReceivedData, allow: (there: ModelFile | undefined) => void): Promise<ModelRecord>
  /**
   * Checks that a model takes a data file, before the file is received.
   * @param allow called with the present file at the location; it may throw
   * @param mayBe true if the new file may have the bytes of the present one
   * @throws TureenError `TUREEN_NOT_FOUND` without the model, or if it does not name the location; `TUREEN_MODEL_COMPLETE`
   */
  expectData(
    reference: string,
    location: string,
    allow: (there: ModelFile | undefined) => void,
    mayBe: (there: ModelFile) => boolean,
  ): Promise<void>
  /**
   * Publishes merged files, then runs `commit`, which inserts their record in its own transaction.
   * @param base a model that differs from the files only in the values of weights, so that its inspection holds for them; null to inspect them
   */
  addMerged<Result>(
    files: readonly ReceivedData[],
    base: string | null,
    commit: (insert: InsertMerged) => Promise<Result>,
  ): Promise<Result>
  /** Inserts another record of a model's content, in a transaction of the caller. @returns the new id */
  copy(transaction: Catalog, id: string, upload: NewUpload): Promise<string>
  /**
   * Returns a model.
   * @param field the field of the request with the reference.
   * @throws TureenError `TUREEN_NOT_FOUND`, `TUREEN_RECORD_UNREADABLE`
   */
  get(reference: string, field?: string): Promise<ModelRecord>
  /** Returns a model for display, even if its record is damaged. @throws TureenError `TUREEN_NOT_FOUND` */
  read(reference: string): Promise<ModelItem>
  /** Returns a model that has all of its external data. @throws TureenError as {@link ModelStore.get}, and `TUREEN_MODEL_INCOMPLETE` */
  getComplete(reference: string, field: string): Promise<ModelRecord>
  /** Returns the ids of the models that have all of the labels, oldest first, at most `limit`. */
  labelled(labels: Labels, limit: number): Promise<string[]>
  list(filters: records.ModelFilters): Promise<Page<ModelItem>>
  tensors(reference: string, page: { limit: number; cursor?: string | undefined }): Promise<Page<ListedTensor>>
  recipe(reference: string): Promise<RecipeDocument>
  /**
   * Deletes a model.
   * @param allow called with the record just before its deletion; it may throw to prevent that
   * @throws TureenError `TUREEN_IN_USE` while a queued or running job needs it
   */
  remove(reference: string, allow: (model: ModelItem) => void): Promise<void>
  /** Returns the paths of a model's files. */
  paths(model: Pick<ModelRecord, 'files'>): ModelPaths
  /** Checks the files of models; call it before they are read. @throws TureenError `TUREEN_CONTENT_DAMAGED` that names the damaged ones */
  requireSound(models: readonly LabelledPaths[], signal?: AbortSignal): Promise<void>
  /** Runs a step that reads models. If it fails because a model is damaged or deleted, it throws that reason instead. */
  blamingDamage<Result>(models: readonly LabelledPaths[], run: () => Promise<Result>): Promise<Result>
  /**
   * Inspects complete models without a fingerprint again, and updates their records.
   * @param onError called for each model that cannot be read
   */
  renewFingerprints(onError: (error: unknown) => void): Promise<void>
  /**
   * Runs `use` with a temporary file that holds the whole model, external data included.
   * @throws TureenError `TUREEN_MODEL_INCOMPLETE`; `TUREEN_MODEL_UNSUPPORTED` if it would be 2 GiB or more
   */
  withInline<Result>(
    model: ModelRecord,
    signal: AbortSignal,
    use: (file: Omit<WrittenFile, 'location'>) => Promise<Result>,
  ): Promise<Result>
  /**
   * Returns a file of a model by its location.
   * @throws TureenError `TUREEN_NOT_FOUND`, or `TUREEN_MODEL_INCOMPLETE` if the model lacks the file
   */
  file(model: ModelRecord, location: string): ModelFile & { path: string }
}

/** The files of a model, and its name for the client. */
export type LabelledPaths = ModelPaths & { label: string }

/** A received file of a model. `location`: the location of external data; empty for the model's own file. */
export type ReceivedData = ReceivedFile & { location: string }

/** The files of one model, its own first. */
export type ReceivedModel = readonly [ReceivedData, ...ReceivedData[]]

export type InsertMerged = (catalog: Catalog, model: NewUpload & { recipe: RecipeDocument }) => Promise<string>

export function createModelStore(
  catalog: Catalog,
  contentFiles: ContentFiles,
  contents: Contents,
  threads: ThreadPool,
): ModelStore {
  const found = <Found>(reference: string, model: Found | undefined, field?: string): Found => {
    if (model) return model
    const message = `there is no model ${reference}`
    throw new TureenError(
      'TUREEN_NOT_FOUND',
      `In this store ${message}. Upload it first, or list the models with GET /v1/models.`,
      [{ model: reference, ...(field === undefined ? {} : { field }), message }],
    )
  }
  const find = async (within: Catalog, reference: string, field?: string) =>
    found(reference, await records.findModel(within, reference), field)
  const placeOf = async (reference: string, location: string) =>
    found(reference, await records.dataPlace(catalog, reference, location))
  const usable = async (within: Catalog, reference: string, field?: string) =>
    requireReadable({ model: reference }, await find(within, reference, field))
  const get: ModelStore['get'] = (reference, field) => usable(catalog, reference, field)

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

  /** True if the file at this place is the last one that its model lacks. */
  const completes = ({ file, missing }: records.DataPlace) => missing === 1 && file === undefined

  /** Returns files and fingerprint of a model that gets its last data file. */
  const completed = async (id: string, file: ModelFile) => {
    const files = [...(await get(id)).files, file]
    await sound([{ label: id, ...paths({ files }) }])
    return { files, fingerprint: (await threads.inspect(paths({ files }))).fingerprint }
  }

  const labelledPaths = (model: ModelRecord): LabelledPaths => ({ label: model.id, ...paths(model) })

  const sound: ModelStore['requireSound'] = (models, signal) =>
    requireSound(
      contents,
      models.flatMap(({ label, path, data }) =>
        [{ location: '', path }, ...data].map(file => ({
          path: file.path,
          what: file.location
            ? `the data file ${file.location} of the model ${label}`
            : `the file of the model ${label}`,
          place: { model: label, ...(file.location ? { location: file.location } : {}) },
        })),
      ),
      signal,
    )

  return {
    get,
    read: reference => find(catalog, reference),
    requireSound: sound,
    async blamingDamage(models, run) {
      try {
        return await run()
      } catch (error) {
        // Check for deleted models first: their files are missing, but not damaged.
        for (const { label } of models) await get(label)
        await sound(models)
        throw error
      }
    },
    async add(received, upload, keep = nothingBeside) {
      try {
        const files = await meantFiles(received, threads)
        const [main, ...data] = files
        const inspected = await threads.inspect({ path: main.path, data })
        const model = { ...upload, files, inspected, recipe: null }
        return await contents.add(files, () =>
          catalog.transaction().execute(async transaction => {
            const same = await records.sameModel(transaction, model)
            if (same) await extendLife(transaction, 'models', same, upload.expiresAt)
            const id = same?.id ?? (await records.insertModel(transaction, model))
            const outcome = { model: await usable(transaction, id), created: !same }
            await keep(transaction, outcome)
            return outcome
          }),
        )
      } catch (error) {
        await inParallel(received, ({ path }) => contentFiles.discard(path))
        throw error
      }
    },
    async expectData(reference, location, allow, mayBe) {
      const { named, missing, file } = await placeOf(reference, location)
      if (!named.includes(location)) throw unknownLocation(location, named)
      allow(file)
      if (missing === 0 && file && !mayBe(file)) throw isComplete(reference, file)
    },
    async addData(reference, file, allow) {
      const { location, sha256, bytes } = file
      try {
        const place = await placeOf(reference, location)
        const { id, main, named, needed } = place
        if (!named.includes(location)) throw unknownLocation(location, named)
        if (needed === undefined || bytes < needed) {
          const path = contents.path(main.sha256)
          await sound([{ label: id, path, data: [] }])
          await threads.checkData({ path, location, bytes })
        }
        if (completes(place)) await sound([labelledPaths(await get(id))])
        let replaced: string | undefined
        const added = await contents.add([file], async () => {
          const now = await placeOf(id, location)
          allow(now.file)
          if (now.file?.sha256 === sha256) return get(id)
          if (now.missing === 0 && now.file) throw isComplete(reference, now.file)
          const complete = completes(now) ? await completed(id, file) : undefined
          await catalog.transaction().execute(transaction => records.putModelFile(transaction, id, file, complete))
          replaced = now.file?.sha256
          return get(id)
        })
        if (replaced !== undefined) await contents.release(async () => [replaced ?? ''])
        return added
      } catch (error) {
        await contentFiles.discard(file.path)
        throw error
      }
    },
    async addMerged(files, base, commit) {
      const [own, ...data] = files
      if (!own) throw new RangeError('a model has at least one file')
      const known = base === null ? undefined : await records.inspectedModel(catalog, base)
      const inspected = known ? { ...known, bytes: own.bytes } : await threads.inspect({ path: own.path, data })
      return contents.add(files, () =>
        commit((transaction, model) => records.insertModel(transaction, { ...model, inspected, files })),
      )
    },
    copy: records.copyModel,
    async getComplete(reference, field) {
      const model = await get(reference, field)
      requireComplete(reference, model.missing)
      return model
    },
    labelled: (labels, limit) => records.idsWithLabels(catalog, labels, limit),
    list: filters => records.listModels(catalog, filters),
    async tensors(reference, { limit, cursor }) {
      const { path } = main(await get(reference))
      await sound([{ label: reference, path, data: [] }])
      const from = cursor === undefined ? 0 : decodeIndexCursor(cursor)
      const { total, tensors } = await threads.tensors({ path, from, limit })
      const next = from + tensors.length
      return { items: tensors, nextCursor: next < total ? encodeCursor(String(next)) : null }
    },
    async recipe(reference) {
      const { id } = await get(reference)
      const recipe = await records.recipeOf(catalog, id)
      if (recipe) return recipe
      const message = 'was uploaded, and so has no recipe; only soups have one'
      throw new TureenError('TUREEN_NOT_FOUND', `The model ${reference} ${message}.`, [{ model: reference, message }])
    },
    async remove(reference, allow) {
      await contents.release(() =>
        catalog.transaction().execute(async transaction => {
          const model = await find(transaction, reference)
          const { id } = model
          allow(model)
          await refuseWhileInUse(transaction, id, `The model ${reference}`, { model: reference })
          const digests = await records.modelDigests(transaction, id)
          await records.deleteModel(transaction, id)
          return digests
        }),
      )
    },
    withInline: async (model, signal, use) =>
      contentFiles.withOutput(await bytesOf(paths(model)), async output => {
        requireComplete(model.id, model.missing)
        await sound([labelledPaths(model)], signal)
        const inputs = mergeInputs([{ label: model.id, sha256: model.sha256, weight: 1, ...paths(model) }])
        const { files } = await threads.merge({ inputs, settings: inlineSettings, output, durable: false }, { signal })
        const [file] = files
        if (!file) throw new RangeError('a merge without a file')
        return use(file)
      }),
    paths,
    async renewFingerprints(onError) {
      for (const model of await records.modelsWithoutFingerprint(catalog)) {
        try {
          await records.setInspected(catalog, model.id, await threads.inspect(paths(model)))
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
