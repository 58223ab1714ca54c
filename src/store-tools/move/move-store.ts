import { existsSync } from 'node:fs'
import type { DatabaseSync } from 'node:sqlite'
import type { S3Location } from '../../storage/content/s3/bucket.ts'
import { requireOwnContent } from '../../storage/content-place.ts'
import { examineCatalog } from '../../storage/examine-catalog.ts'
import { recogniseStore } from '../../storage/recognise-store.ts'
import { type MovedParts, readMarker, writeMarker } from '../../storage/store-marker.ts'
import { referencedFiles } from '../catalog-findings.ts'
import { storePaths, withStoppedStore } from '../held-store.ts'
import { type RecordedFile, recordedFiles } from '../recorded-files.ts'
import { openUnchanged } from '../unchanged-catalog.ts'
import { requireMovable } from './movable-catalog.ts'
import type { MoveReport } from './move-report.ts'

/** Targets of a move. `toPostgres`: true to move the catalog; `database`: address of the database, which may have the catalog already. */
export type MoveTargets = {
  toPostgres: boolean
  database: string | null
  content: (S3Location & { pathStyle: boolean }) | null
}

/**
 * Moves the catalog of a stopped store into PostgreSQL, its content to S3, or both. It sends content first, then copies the catalog in one
 * transaction, and then marks the data directory, whose files stay as they are. It can run again after it was cut off at any moment.
 *
 * @param isTrial true to change nothing, and only tell what a move would do
 * @throws Error with the reason why the store cannot be moved, and what to do
 */
export async function moveStore(
  directory: string,
  targets: MoveTargets,
  isTrial: boolean,
  report: MoveReport,
): Promise<void> {
  await withStoppedStore(directory, !isTrial, async () => {
    const marker = await readMarker(directory)
    const moved = marker?.movedTo ?? {}
    const left = stillToMove(targets, moved, report)
    if (!left.toPostgres && left.content === null) return
    if (left.content !== null) await requireOwnContent(directory, 'There is nothing to send.')
    const { catalog: path, content: folder } = storePaths(directory)
    const isElsewhere = moved.catalog !== undefined || (marker !== undefined && !existsSync(path))
    const { id } = await recogniseStore(directory, !isElsewhere)
    if (id === null) throw new Error(`${directory} is not a store of Tureen: there is nothing to move.`)
    if (isElsewhere && left.toPostgres)
      throw new Error(`${directory} has no catalog.sqlite: there is no catalog to move.`)
    const source = isElsewhere ? null : await openSource(path, report)
    try {
      const steps = { source, id, directory: folder, targets: left, report }
      if (isTrial) await tryMove(steps)
      else {
        await runMove(steps)
        const places = { ...moved, ...placesOf(left) }
        await writeMarker(directory, id, places)
        report.say(`${directory} is marked: the server starts on it only with the new settings`)
      }
    } finally {
      source?.close()
    }
  })
}

/** Returns the targets without those of parts that were moved before. @throws Error if such a part was moved to another place */
function stillToMove(targets: MoveTargets, moved: MovedParts, { say }: MoveReport): MoveTargets {
  const places = placesOf(targets)
  const isMoved = (part: keyof MovedParts) => {
    const [place, before] = [places[part], moved[part]]
    if (place === undefined || before === undefined) return false
    if (place !== before)
      throw new Error(
        `The ${part} was moved to ${before} before, and ${place} is another place. Nothing was changed. Name the place of before, or leave the option out. docs/operations/migrate-to-cluster.md says how to go back and move again.`,
      )
    say(`the ${part} was moved to ${before} before`)
    return true
  }
  const [hasCatalog, hasContent] = [isMoved('catalog'), isMoved('content')]
  return {
    ...targets,
    toPostgres: targets.toPostgres && !hasCatalog,
    content: hasContent ? null : targets.content,
  }
}

async function openSource(path: string, report: MoveReport): Promise<DatabaseSync> {
  const examined = await examineCatalog(path)
  if (examined.kind !== 'catalog') throw new Error(`catalog.sqlite ${examined.reason}: there is no catalog to move.`)
  if (!examined.isCurrent)
    throw new Error(
      'catalog.sqlite was written by an earlier version. Nothing was changed. Start this version once without the new settings, which brings it up to date, and stop it.',
    )
  const source = openUnchanged(path)
  try {
    requireMovable(source, report)
    return source
  } catch (error) {
    source.close()
    throw error
  }
}

/** A move of the parts that `targets` names. `source`: the catalog; null if it is in PostgreSQL. `directory`: the folder of content. */
type MoveParts = {
  source: DatabaseSync | null
  id: string
  directory: string
  targets: MoveTargets
  report: MoveReport
}

async function runMove({ source, id, directory, targets, report }: MoveParts): Promise<void> {
  const { toPostgres, database, content } = targets
  // Drivers take time and memory, so load those that are needed.
  const catalogs = database === null ? null : await import('./move-catalog.ts')
  if (source && toPostgres && database !== null) await catalogs?.checkDatabase(id, database)
  if (content) {
    const { requireBucket, moveContent, withBucket } = await import('./move-content.ts')
    const files = await filesOf({ source, id, targets, report })
    await withBucket(content, async bucket => {
      if (!(await requireBucket(bucket, id, placeOf(content)))) await bucket.setOwner(id)
      const { sent, bytes, present } = await moveContent(bucket, directory, files, report)
      report.say(`content: ${sent} files were sent (${bytes} bytes), ${present} were in the bucket already`)
    })
  }
  if (source && toPostgres && database !== null) await catalogs?.moveCatalog(source, id, database, report)
}

async function tryMove({ source, id, targets, report }: MoveParts): Promise<void> {
  const { toPostgres, database, content } = targets
  if (source && toPostgres && database !== null) {
    const { tryCatalog } = await import('./move-catalog.ts')
    await tryCatalog(source, id, database, report)
  }
  if (!content) return
  const { presentContent, requireBucket, withBucket } = await import('./move-content.ts')
  const files = await filesOf({ source, id, targets, report })
  await withBucket(content, async bucket => {
    await requireBucket(bucket, id, placeOf(content))
    const present = await presentContent(bucket, files)
    const bytes = files.values().reduce((sum, file) => sum + file.bytes, 0)
    report.say(
      `content: ${files.size} files of records (${bytes} bytes), of which ${present} are in the bucket already`,
    )
  })
}

async function filesOf({
  source,
  id,
  targets: { database },
  report,
}: Omit<MoveParts, 'directory'>): Promise<Map<string, RecordedFile>> {
  if (source) return recordedFiles(referencedFiles(source), report.onFinding)
  if (database === null)
    throw new Error(
      'The catalog of this store is in PostgreSQL. Set TUREEN_DATABASE_URL: it names the content to send.',
    )
  const { filesInDatabase } = await import('./move-catalog.ts')
  return filesInDatabase(id, database, report)
}

/** Returns the places of moved parts, without user and password. */
function placesOf({ toPostgres, database, content }: MoveTargets): MovedParts {
  const { host = '', pathname = '' } = database === null ? {} : new URL(database)
  return {
    ...(toPostgres ? { catalog: `postgres://${host}${pathname}` } : {}),
    ...(content ? { content: placeOf(content) } : {}),
  }
}

function placeOf({ bucket, prefix }: S3Location): string {
  return `s3://${bucket}${prefix === '' ? '' : `/${prefix}`}`
}
