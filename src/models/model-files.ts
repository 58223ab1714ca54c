import type { ModelRecord } from '../../schemas/model.ts'
import type { ContentLink, ReadRange } from '../storage/content/content-store.ts'
import { requireSound, type StoredFile, whileLeased, whileSound } from '../storage/content-damage.ts'
import type { Contents } from '../storage/contents.ts'
import type { Catalog } from '../storage/database.ts'
import type { ModelPaths } from '../storage/model-paths.ts'
import { noFile } from './data-refusals.ts'
import type { ModelFile } from './model-digest.ts'
import { modelRecords } from './model-records.ts'

/** The files of a model, and its name for the client. */
export type LabelledPaths = ModelPaths & { label: string }

/** The stored files of models. */
export type StoredModelFiles = {
  /** Returns the paths at which a model's files lie while they are leased. */
  paths(model: Pick<ModelRecord, 'files'> & Partial<Pick<ModelRecord, 'checkpoint'>>): ModelPaths
  /**
   * Returns a file of a model by its location.
   * @throws TureenError `TUREEN_NOT_FOUND`, or `TUREEN_MODEL_INCOMPLETE` if the model lacks the file
   */
  file(model: ModelRecord, location: string): ModelFile & { read: ReadRange; link: ContentLink }
  /** Checks the files of models. @throws TureenError `TUREEN_CONTENT_DAMAGED` that names the damaged ones */
  requireSound(models: readonly LabelledPaths[], signal: AbortSignal): Promise<void>
  /** Leases the files of models and checks them, while `run` reads them. @throws as requireSound */
  whileSound<Result>(models: readonly LabelledPaths[], signal: AbortSignal, run: () => Promise<Result>): Promise<Result>
  /**
   * Leases the files of models, without a check, while `run` reads them. If it fails because a model is damaged or deleted, it throws that
   * reason instead.
   */
  blamingDamage<Result>(models: readonly LabelledPaths[], run: () => Promise<Result>): Promise<Result>
}

/** For steps that nothing ends before their time. */
export const unending = AbortSignal.any([])

export function createModelFiles(catalog: Catalog, contents: Contents): StoredModelFiles {
  const fileAt = ({ files }: Pick<ModelRecord, 'files'>, location: string) =>
    files.find(each => each.location === location)
  const storedFiles = (models: readonly LabelledPaths[]): StoredFile[] =>
    models.flatMap(({ label, path, data }) =>
      [{ location: '', path }, ...data].map(file => ({
        path: file.path,
        what: file.location ? `the data file ${file.location} of the model ${label}` : `the file of the model ${label}`,
        place: { model: label, ...(file.location ? { location: file.location } : {}) },
      })),
    )
  const sound: StoredModelFiles['requireSound'] = (models, signal) =>
    requireSound(contents, storedFiles(models), signal)
  return {
    paths(model) {
      const main = fileAt(model, '')
      if (!main) throw new RangeError('a model without a file of its own')
      const data = model.files.filter(({ location }) => location !== '')
      return {
        path: contents.path(main.sha256),
        data: data.map(({ location, sha256 }) => ({ location, path: contents.path(sha256) })),
        ...(model.checkpoint?.format === 'torch' ? { root: model.checkpoint.root } : {}),
      }
    },
    file(model, location) {
      const file = fileAt(model, location)
      if (file)
        return {
          ...file,
          read: range => contents.read(file.sha256, range),
          link: disposition => contents.link(file.sha256, disposition),
        }
      throw noFile(model, location)
    },
    requireSound: sound,
    whileSound: (models, signal, run) => whileSound(contents, storedFiles(models), signal, run),
    async blamingDamage(models, run) {
      try {
        const files = storedFiles(models).map(({ path }) => path)
        return await whileLeased(contents, files, unending, run)
      } catch (error) {
        // Check for deleted models first: their files are missing, but not damaged.
        for (const { label } of models) await modelRecords.usable(catalog, label)
        await sound(models, unending)
        throw error
      }
    },
  }
}
