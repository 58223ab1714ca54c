import { join } from 'node:path'

// Errors for data directories that the server refuses at its start, each with what the operator can do.

export function foreignDirectory(directory: string, names: readonly string[]): Error {
  const shown = names.slice(0, 3).join(', ')
  const more = names.length > 3 ? ` and ${names.length - 3} more` : ''
  return new Error(
    `The data directory ${directory} (TUREEN_DATA) is not empty and is not a store of Tureen: it holds ${shown}${more}. Nothing was changed. Set TUREEN_DATA to an empty or a new directory, such as ${join(directory, 'tureen')}.`,
  )
}

const waysOut = (directory: string) =>
  `Nothing was changed. Restore catalog.sqlite from a backup, with its catalog.sqlite-wal if there is one; or make new records from the content with \`npm run check-store -- ${directory} --recover\`; or set TUREEN_DATA to an empty directory. docs/operations/damaged-catalog.md has the steps.`

export function lostCatalog(directory: string, { reason }: { reason: string }, content: string): Error {
  return new Error(
    `The data directory ${directory} holds content, such as content/${content}, but its catalog.sqlite ${reason}. ${waysOut(directory)}`,
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
