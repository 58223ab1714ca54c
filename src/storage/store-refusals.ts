import { join } from 'node:path'
import { typedCommand } from '../command-names.ts'
import { firstOf } from '../first-of.ts'

// Errors for data directories that the server refuses at its start, each with what the operator can do.

export function foreignDirectory(directory: string, names: readonly string[]): Error {
  return new Error(
    `The data directory ${directory} (TUREEN_DATA) is not empty and is not a store of Tureen: it holds ${firstOf(names, 3)}. Nothing was changed. Set TUREEN_DATA to an empty or a new directory, such as ${join(directory, 'tureen')}.`,
  )
}

const waysOut = (directory: string) =>
  `Nothing was changed. Restore catalog.sqlite from a backup, with its catalog.sqlite-wal if there is one; or make new records from the content with \`${typedCommand('check', `${directory} --recover`)}\`; or set TUREEN_DATA to an empty directory. If the catalog of this store is in PostgreSQL, set TUREEN_DATABASE_URL. docs/operations/damaged-catalog.md has the steps.`

export function lostCatalog(directory: string, { reason }: { reason: string }, content: string): Error {
  return new Error(
    `The data directory ${directory} holds content, such as content/${content}, but its catalog.sqlite ${reason}. ${waysOut(directory)}`,
  )
}

export function twoCatalogs(directory: string): Error {
  return new Error(
    `The data directory ${directory} holds a catalog.sqlite, and TUREEN_DATABASE_URL names a database: only one of them can be the catalog. Nothing was changed. Unset TUREEN_DATABASE_URL, or set TUREEN_DATA to a new directory.`,
  )
}

export function damagedCatalog(directory: string, { reason }: { reason: string }): Error {
  return new Error(`In the data directory ${directory}, catalog.sqlite ${reason}. ${waysOut(directory)}`)
}

export function otherStore(directory: string, ofMarker: string, ofCatalog: string): Error {
  return new Error(
    `In the data directory ${directory}, tureen.json is of the store ${ofMarker} and catalog.sqlite of the store ${ofCatalog}. Nothing was changed. Restore both, and content/, from the same backup. If catalog.sqlite is the right one for this content, delete tureen.json: the server makes it again.`,
  )
}

export function newerCatalog(directory: string, { reason }: { reason: string }): Error {
  return new Error(
    `In the data directory ${directory}, catalog.sqlite ${reason}. Nothing was changed. Start the newer version, or restore the backup that was made before the upgrade.`,
  )
}

const wayBack = (directory: string, settings: string) =>
  `Nothing was changed. Set ${settings} as after the move. To go back to the store as it was before the move: stop all servers, delete ${join(directory, 'tureen.json')} and ${join(directory, 'cache')}, and start without those variables. docs/operations/migrate-to-cluster.md has the steps.`

export function movedCatalog(directory: string, place: string): Error {
  return new Error(
    `The catalog of the data directory ${directory} was moved to ${place} by \`${typedCommand('migrate')}\`: its catalog.sqlite is old. ${wayBack(directory, 'TUREEN_DATABASE_URL')}`,
  )
}

export function movedContent(directory: string, place: string): Error {
  return new Error(
    `The content of the data directory ${directory} was moved to ${place} by \`${typedCommand('migrate')}\`: its content/ is old. ${wayBack(directory, 'TUREEN_CONTENT')}`,
  )
}
