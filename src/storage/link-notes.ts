import { randomUUID } from 'node:crypto'
import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type { FileState } from './file-state.ts'
import { makePrivateDirectory } from './private-files.ts'

/**
 * Notes about the links to content that a backup makes or removes. A running server recognises a verified file by the time of its inode's
 * last change, which a link changes. Without a note the server would hash the file again. `links/ab` holds the notes of `content/ab/`, one
 * line for each file. A line has the digest, the part of the state that links do not change, and the times of change from the oldest link to
 * the newest.
 */

/** A made or removed link: the state of the file just before and just after. */
export type LinkNote = { path: string; before: FileState; after: FileState }

/** Most noted times of one file. A server that has missed more links hashes the file again. */
const keptTimes = 32

/** True if only noted links have changed a content file since the state `before`. */
export async function onlyLinked(path: string, before: FileState, now: FileState): Promise<boolean> {
  if (before.written !== now.written) return false
  const noted = (await readNotes(notesFile(path))).get(basename(path))
  if (noted?.written !== now.written) return false
  const from = noted.times.indexOf(before.changed)
  return from >= 0 && noted.times.indexOf(now.changed, from) > from
}

/** Writes notes of links to content files of one directory. */
export async function noteLinks(links: readonly LinkNote[]): Promise<void> {
  const [first] = links
  if (!first) return
  const file = notesFile(first.path)
  const notes = await readNotes(file)
  for (const { path, before, after } of links) {
    if (before.written !== after.written) continue
    const noted = notes.get(basename(path))
    const continues = noted?.written === before.written && noted.times.at(-1) === before.changed
    const times = continues ? noted.times : [before.changed]
    notes.set(basename(path), { written: after.written, times: [...times, after.changed].slice(-keptTimes) })
  }
  const text = [...notes].map(([name, { written, times }]) => [name, written, ...times].join(' ')).join('\n')
  await makePrivateDirectory(dirname(file))
  const draft = `${file}.${randomUUID()}`
  try {
    await writeFile(draft, `${text}\n`, { flag: 'wx' })
    await rename(draft, file)
  } finally {
    await rm(draft, { force: true })
  }
}

type Noted = { written: string; times: readonly string[] }

/** Reads a file of notes; none if it is missing or unreadable, and then the server hashes the files again. */
async function readNotes(file: string): Promise<Map<string, Noted>> {
  const text = await readFile(file, 'utf8').catch(() => '')
  const notes = new Map<string, Noted>()
  for (const line of text.split('\n')) {
    const [name, written, ...times] = line.split(' ')
    if (name && written) notes.set(name, { written, times })
  }
  return notes
}

/** Returns the file with the notes of a content file, which lies in `content/ab/`. */
function notesFile(path: string): string {
  const shard = dirname(path)
  return join(dirname(dirname(shard)), 'links', basename(shard))
}
