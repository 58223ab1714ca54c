import type { Catalog } from '../storage/database.ts'
import { contentDigests } from '../storage/file-names.ts'
import { databaseTables, inSnapshot, withDatabase } from '../storage/postgres/tool-transactions.ts'
import { readMarker } from '../storage/store-marker.ts'
import { type BucketPlace, checkBucket } from './bucket-check.ts'
import { checkDatabase } from './database-check.ts'
import { storePaths } from './held-store.ts'
import {
  beginCheck,
  type CheckedFiles,
  type CheckOptions,
  checkCatalogFile,
  checkFolder,
  type RunningCheck,
  type StoreCheck,
} from './store-check.ts'

/** Places of a store. `directory`: null if neither part is in it; `database`, `content`: null if that part is in the directory. */
export type StorePlaces = { directory: string | null; database: string | null; content: BucketPlace | null }

/** Checks a store of which at least one part is not in its data directory. It changes nothing. */
export async function checkElsewhere(places: StorePlaces, options: CheckOptions): Promise<StoreCheck> {
  const { directory, database, content } = places
  const running = beginCheck(options)
  const checkContent = async (files: CheckedFiles, isRecorded: (sha256: string) => Promise<boolean>) => {
    if (content) await checkBucket(content, files, isRecorded, running)
    else if (directory !== null) await checkFolder(directory, files, running)
  }
  if (database !== null)
    await withDatabase(database, async catalog => {
      const files = await inSnapshot(catalog, async snapshot => {
        await requireCatalog(snapshot, database, directory, running)
        return checkDatabase(snapshot, running)
      })
      await checkContent(files, sha256 => isRecordedIn(catalog, sha256))
    })
  else if (directory !== null)
    await checkContent(await checkCatalogFile(directory, await hasContent(directory), running), async () => true)
  return running.check
}

async function hasContent(directory: string): Promise<boolean> {
  return !(await contentDigests(storePaths(directory).content).next()).done
}

/** Tells if database and data directory are of two stores. @throws Error if the database has no catalog */
async function requireCatalog(
  snapshot: Catalog,
  url: string,
  directory: string | null,
  { find }: RunningCheck,
): Promise<void> {
  const { store } = await databaseTables(snapshot)
  if (store === null)
    throw new Error(`The database ${new URL(url).pathname.slice(1)} (TUREEN_DATABASE_URL) has no catalog of Tureen.`)
  const marker = directory === null ? undefined : await readMarker(directory)
  if (marker && marker.id !== store)
    find('tureen.json', `is of the store ${marker.id}, and the database of the store ${store}`)
}

async function isRecordedIn(catalog: Catalog, sha256: string): Promise<boolean> {
  const ofModels = catalog.selectFrom('model_files').select('sha256').where('sha256', '=', sha256)
  const ofDatasets = catalog.selectFrom('dataset_files').select('sha256').where('sha256', '=', sha256)
  return (await ofModels.unionAll(ofDatasets).limit(1).executeTakeFirst()) !== undefined
}
