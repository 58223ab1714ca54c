import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { examineCatalog } from './examine-catalog.ts'
import { contentDigests, contentPath } from './file-names.ts'
import { readMarker } from './store-marker.ts'
import {
  damagedCatalog,
  foreignDirectory,
  lostCatalog,
  movedCatalog,
  newerCatalog,
  otherStore,
  twoCatalogs,
} from './store-refusals.ts'

/**
 * A recognised data directory. `id`: the id of the store; null if it is new, or of a version without ids. `isMarked`: true if it has a
 * `tureen.json`.
 */
export type RecognisedStore = { id: string | null; isMarked: boolean }

const catalogName = 'catalog.sqlite'

/** Names of files that an interrupted first start may leave in an empty directory. */
const namesOfStart = new Set([
  'server.lock',
  'server.lock-journal',
  'server.json',
  catalogName,
  `${catalogName}-wal`,
  `${catalogName}-shm`,
])

/**
 * Recognises a data directory without changing it.
 * @param hasCatalog true if the catalog is in the directory; false if it is in a database of PostgreSQL
 * @throws Error with the reason why it cannot be used, and what to do
 */
export async function recogniseStore(directory: string, hasCatalog = true): Promise<RecognisedStore> {
  const marker = await readMarker(directory)
  if (marker?.movedTo?.catalog !== undefined) {
    if (hasCatalog) throw movedCatalog(directory, marker.movedTo.catalog)
    return { id: marker.id, isMarked: true }
  }
  const names = (await readdir(directory)).filter(counts)
  if (!marker && names.length === 0) return { id: null, isMarked: false }
  const catalog = await examineCatalog(join(directory, catalogName))
  const content = await firstContent(join(directory, 'content'))
  const isMarked = marker !== undefined
  if (!hasCatalog && marker && catalog.kind === 'missing') return { id: marker.id, isMarked }
  if (!hasCatalog && catalog.kind !== 'missing' && catalog.kind !== 'empty') throw twoCatalogs(directory)
  switch (catalog.kind) {
    case 'catalog':
      if (marker && catalog.id !== null && catalog.id !== marker.id) throw otherStore(directory, marker.id, catalog.id)
      return { id: marker?.id ?? catalog.id, isMarked }
    case 'newer':
      throw newerCatalog(directory, catalog)
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

/** True if a name counts as a user's file. New volumes have `lost+found` or `.snapshot`, and desktops leave files such as `.DS_Store`. */
function counts(name: string): boolean {
  return name !== 'lost+found' && !name.startsWith('.')
}

async function firstContent(directory: string): Promise<string | undefined> {
  for await (const hex of contentDigests(directory)) return contentPath(hex)
  return undefined
}
