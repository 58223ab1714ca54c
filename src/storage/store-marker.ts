import { randomUUID } from 'node:crypto'
import { open, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { flushDirectory } from './flush-directory.ts'
import { unlessMissing } from './missing-file.ts'

/**
 * Places to which parts of a store were moved, for messages. `catalog`: the database, without user and password; `content`: the bucket. What
 * is in the data directory of such a part is old.
 */
export type MovedParts = { catalog?: string | undefined; content?: string | undefined }

/** The content of `tureen.json`, which marks a directory as a store of Tureen. The catalog has the same id. */
export type StoreMarker = { format: number; id: string; movedTo?: MovedParts | undefined }

/** Version of the layout of a data directory that this version writes. */
const storeFormat = 1

/** Version of the layout if parts of the store were moved. Versions that do not know this would take the old parts for the store. */
const movedFormat = 2

const markerName = 'tureen.json'

const markerSchema = z.object({
  format: z.number().int().min(1),
  id: z.string().min(1).max(100),
  movedTo: z.object({ catalog: z.string().optional(), content: z.string().optional() }).optional(),
})

/**
 * Reads the marker of a data directory; undefined if it has none.
 * @throws Error if the marker cannot be read, or if a newer version wrote it
 */
export async function readMarker(directory: string): Promise<StoreMarker | undefined> {
  const path = join(directory, markerName)
  const text = await unlessMissing(readFile(path, 'utf8'))
  if (text === undefined) return undefined
  const parsed = markerSchema.safeParse(jsonOf(text))
  if (!parsed.success)
    throw new Error(
      `${path} is damaged: it should hold {"format":${storeFormat},"id":"..."}. If ${directory} is a store of Tureen, delete ${markerName} and start again: the server takes the id from catalog.sqlite.`,
    )
  const { format } = parsed.data
  if (format > movedFormat)
    throw new Error(
      `The data directory ${directory} was written by a newer version of Tureen: its format is ${format}, and this version knows ${movedFormat}. Start the newer version, or restore the backup that was made before the upgrade.`,
    )
  return parsed.data
}

/** Marks a data directory as a store, durably and atomically. @param movedTo places of moved parts; none for a store that was never moved */
export async function writeMarker(directory: string, id: string, movedTo?: MovedParts): Promise<void> {
  const marker: StoreMarker = movedTo ? { format: movedFormat, id, movedTo } : { format: storeFormat, id }
  const draft = join(directory, `.${markerName}.${randomUUID()}`)
  try {
    const handle = await open(draft, 'wx')
    try {
      await handle.writeFile(`${JSON.stringify(marker)}\n`)
      await handle.sync()
    } finally {
      await handle.close()
    }
    await rename(draft, join(directory, markerName))
  } catch (error) {
    await rm(draft, { force: true })
    throw error
  }
  await flushDirectory(directory)
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
