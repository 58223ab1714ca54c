import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { contentDigests } from './file-names.ts'
import { unlessMissing } from './missing-file.ts'
import { type MovedParts, readMarker } from './store-marker.ts'
import { movedContent } from './store-refusals.ts'

/** Refuses a store whose content is in S3, for tools that read `content/`. @param advice last sentence of the error */
export async function requireOwnContent(directory: string, advice: string): Promise<void> {
  if ((await movedParts(directory)).content !== undefined || (await hasCopies(directory)))
    throw new Error(`The content of the store ${directory} is in S3, and this tool reads content/. ${advice}`)
}

/**
 * Refuses a store whose catalog was moved into PostgreSQL, for tools that read `catalog.sqlite`.
 * @param advice last sentence of the error
 */
export async function requireOwnCatalog(directory: string, advice: string): Promise<void> {
  const { catalog: moved } = await movedParts(directory)
  if (moved !== undefined)
    throw new Error(
      `The catalog of the store ${directory} was moved to ${moved}, and this tool reads catalog.sqlite, which is old. ${advice}`,
    )
}

/** Returns the places of moved parts; none if the marker is missing or damaged, which tools tell themselves. */
async function movedParts(directory: string): Promise<MovedParts> {
  const marker = await readMarker(directory).catch(() => undefined)
  return marker?.movedTo ?? {}
}

/** Where the content of a store is kept. */
export type ContentPlace = 'directory' | 's3'

/**
 * Refuses to open a data directory whose content is elsewhere: its records would seem to have lost their files.
 * @throws Error with what to do
 */
export async function refuseOtherPlace(directory: string, place: ContentPlace): Promise<void> {
  const moved = (await readMarker(directory))?.movedTo?.content
  if (place === 's3') {
    if (moved !== undefined) return
    for await (const _ of contentDigests(join(directory, 'content')))
      throw new Error(
        `The data directory ${directory} holds content itself (content/), and TUREEN_CONTENT names a bucket. Unset TUREEN_CONTENT, or set TUREEN_DATA to a new directory.`,
      )
    return
  }
  if (moved !== undefined) throw movedContent(directory, moved)
  if (await hasCopies(directory))
    throw new Error(
      `The content of the data directory ${directory} is in S3: it holds copies (cache/). Set TUREEN_CONTENT as before, or set TUREEN_DATA to a new directory.`,
    )
}

/** True if a data directory has the folder of copies, which only a server with content in S3 makes. */
async function hasCopies(directory: string): Promise<boolean> {
  return (await unlessMissing(stat(join(directory, 'cache')))) !== undefined
}
