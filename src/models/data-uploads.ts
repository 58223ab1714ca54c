import type { ModelRecord } from '../../schemas/model.ts'
import { unknownLocation } from '../onnx/unknown-location.ts'
import type { ContentFiles } from '../storage/content/content-files.ts'
import type { Contents } from '../storage/contents.ts'
import type { Catalog } from '../storage/database.ts'
import { lockRow } from '../storage/row-locks.ts'
import type { ThreadPool } from '../threads/thread-pool.ts'
import { type DataPlace, dataPlace, putModelFile } from './data-places.ts'
import { isComplete } from './data-refusals.ts'
import { type ModelFile, modelDigest } from './model-digest.ts'
import { type StoredModelFiles, unending } from './model-files.ts'
import { modelRecords } from './model-records.ts'
import type { ReceivedData } from './model-uploads.ts'

/** Data files that come after their model. */
export type DataUploads = {
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
   * Stores a data file that a model lacks.
   * @param allow called with the present file at the location, just before; it may throw to refuse the new one
   * @throws TureenError `TUREEN_NOT_FOUND`, `TUREEN_MODEL_COMPLETE`, `TUREEN_MODEL_MALFORMED`
   */
  addData(reference: string, file: ReceivedData, allow: (there: ModelFile | undefined) => void): Promise<ModelRecord>
}

export function createDataUploads(
  catalog: Catalog,
  contentFiles: ContentFiles,
  contents: Contents,
  threads: ThreadPool,
  { paths, whileSound }: StoredModelFiles,
): DataUploads {
  const get = (id: string) => modelRecords.usable(catalog, id)

  /** True if the file at this place is the last one that its model lacks. */
  const completes = ({ file, missing }: DataPlace) => missing === 1 && file === undefined

  /** True if a model is as it was found. @param files its files with the new one, if that completes it */
  const isUnchanged = async (
    transaction: Catalog,
    { id, missing, file: there }: DataPlace,
    file: ModelFile,
    files: readonly ModelFile[] | undefined,
  ) => {
    const now = await dataPlace(transaction, id, file.location)
    if (now.missing !== missing || now.file?.sha256 !== there?.sha256) return false
    if (!files) return true
    const others = (await modelRecords.usable(transaction, id)).files
    return modelDigest([...others, file]) === modelDigest(files)
  }

  /** Returns files and inspection of a model that gets its last data file. */
  const completed = async (id: string, file: ModelFile) => {
    const files = [...(await get(id)).files, file]
    const there = paths({ files })
    const inspected = await whileSound([{ label: id, ...there }], unending, () => threads.inspect(there))
    return { files, inspected }
  }

  return {
    async expectData(reference, location, allow, mayBe) {
      const { named, missing, file } = await dataPlace(catalog, reference, location)
      if (!named.includes(location)) throw unknownLocation(location, named)
      allow(file)
      if (missing === 0 && file && !mayBe(file)) throw isComplete(reference, file)
    },
    async addData(reference, file, allow) {
      const { location, sha256, bytes } = file
      try {
        const place = await dataPlace(catalog, reference, location)
        const { id, main, named, needed } = place
        if (!named.includes(location)) throw unknownLocation(location, named)
        if (needed === undefined || bytes < needed) {
          const path = contents.path(main.sha256)
          await whileSound([{ label: id, path, data: [] }], unending, () =>
            threads.checkData({ path, location, bytes }),
          )
        }
        let replaced: string | undefined
        const store = () =>
          contents.add([file], async settle => {
            for (;;) {
              const now = await dataPlace(catalog, id, location)
              allow(now.file)
              if (now.file?.sha256 === sha256) return get(id)
              if (now.missing === 0 && now.file) throw isComplete(reference, now.file)
              const complete = completes(now) ? await completed(id, file) : undefined
              const isStored = await catalog.transaction().execute(async transaction => {
                await lockRow(transaction, 'models', id)
                if (!(await isUnchanged(transaction, now, file, complete?.files))) return false
                await settle(transaction)
                await putModelFile(transaction, id, file, complete)
                return true
              })
              // Another server has added a file meanwhile.
              if (!isStored) continue
              replaced = now.file?.sha256
              return get(id)
            }
          })
        // Leases the other files before, because the last step holds up all others.
        const added = await (completes(place)
          ? whileSound([{ label: id, ...paths(await get(id)) }], unending, store)
          : store())
        if (replaced !== undefined) await contents.release(async () => [replaced ?? ''])
        return added
      } catch (error) {
        await contentFiles.discard(file.path)
        throw error
      }
    },
  }
}
