import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type CatalogExamination, examineCatalog } from './examine-catalog.ts'
import { contentDigests, contentPath } from './file-names.ts'
import { readMarker } from './store-marker.ts'

/** What a data directory is: new, or a store with this id (null: of a version without ids). `isMarked`: it has a `tureen.json`. */
export type RecognisedStore = { id: string | null; isMarked: boolean }

const catalogName = 'catalog.sqlite'

/** What a start that was cut off can have left in a directory that was empty. */
const namesOfStart = new Set([
  'server.lock',
  'server.lock-journal',
  'server.json',
  catalogName,
  `${catalogName}-wal`,
  `${catalogName}-shm`,
])

/**
 * Says what a directory is, and changes nothing in it.
 * @throws Error that says why it cannot be used, and what to do
 */
export async function recogniseStore(directory: string): Promise<RecognisedStore> {
  const marker = await readMarker(directory)
  const names = (await readdir(directory)).filter(counts)
  if (!marker && names.length === 0) return { id: null, isMarked: false }
  const catalog = await examineCatalog(join(directory, catalogName))
  const content = await firstContent(join(directory, 'content'))
  const isMarked = marker !== undefined
  switch (catalog.kind) {
    case 'catalog':
      if (marker && catalog.id !== null && catalog.id !== marker.id) throw otherStore(directory, marker.id, catalog.id)
      return { id: marker?.id ?? catalog.id, isMarked }
    case 'newer':
      throw new Error(
        `In the data directory ${directory}, ${catalogName} ${catalog.reason}. Nothing was changed. Start the newer version, or restore the backup that was made before the upgrade.`,
      )
    case 'missing':
    case 'empty':
      if (content) throw lostCatalog(directory, catalog, content)
      if (marker || (names.includes('server.lock') && names.every(name => namesOfStart.has(name))))
        return { id: marker?.id ?? null, isMarked }
      throw foreignDirectory(directory, names)
    case 'damaged':
    case 'foreign':
      if (isMarked || content || names.includes('server.lock')) throw damagedCatalog(directory, catalog)
      throw foreignDirectory(directory, names)
  }
}

/** A fresh volume has `lost+found` or `.snapshot`, and desktops leave files such as `.DS_Store`. */
function counts(name: string): boolean {
  return name !== 'lost+found' && !name.startsWith('.')
}

async function firstContent(directory: string): Promise<string | undefined> {
  for await (const hex of contentDigests(directory)) return contentPath(hex)
  return undefined
}

function foreignDirectory(directory: string, names: readonly string[]): Error {
  const shown = names.slice(0, 3).join(', ')
  const more = names.length > 3 ? ` and ${names.length - 3} more` : ''
  return new Error(
    `The data directory ${directory} (TUREEN_DATA) is not empty and is not a store of Tureen: it holds ${shown}${more}. Nothing was changed. Set TUREEN_DATA to an empty or a new directory, such as ${join(directory, 'tureen')}.`,
  )
}

const waysOut = (directory: string) =>
  `Nothing was changed. Restore ${catalogName} from a backup, with its ${catalogName}-wal if there is one; or make new records from the content with \`npm run check-store -- ${directory} --recover\`; or set TUREEN_DATA to an empty directory. docs/operations/damaged-catalog.md has the steps.`

function lostCatalog(directory: string, { reason }: { reason: string }, content: string): Error {
  return new Error(
    `The data directory ${directory} holds content, such as content/${content}, but its ${catalogName} ${reason}. ${waysOut(directory)}`,
  )
}

function damagedCatalog(directory: string, { reason }: Extract<CatalogExamination, { reason: string }>): Error {
  return new Error(`In the data directory ${directory}, ${catalogName} ${reason}. ${waysOut(directory)}`)
}

function otherStore(directory: string, ofMarker: string, ofCatalog: string): Error {
  return new Error(
    `In the data directory ${directory}, tureen.json is of the store ${ofMarker} and ${catalogName} of the store ${ofCatalog}. Nothing was changed. Restore both, and content/, from the same backup. If ${catalogName} is the right one for this content, delete tureen.json: the server makes it again.`,
  )
}
