import { closeSync, openSync, readdirSync, readSync, realpathSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { isWithin } from './external-files.ts'

/** A file below a directory that was given; `root` is that directory. */
export type FoundFile = { path: string; root: string }

/**
 * Every file below a directory that is meant to be a model, in the order of their names: by its ending, or because it begins as models
 * do. Links that lead out of the directory, and links to directories, are not followed.
 * @param onSkipped called with what cannot be read, and why
 */
export function* modelPaths(root: string, onSkipped: (path: string, reason: string) => void): Generator<FoundFile> {
  if (statSync(root).isFile()) {
    yield { path: root, root: join(root, '..') }
    return
  }
  for (const path of filesBelow(root, onSkipped)) {
    if (isModel(path, root, onSkipped)) yield { path, root }
  }
}

function* filesBelow(directory: string, onSkipped: (path: string, reason: string) => void): Generator<string> {
  let entries: ReturnType<typeof entriesOf>
  try {
    entries = entriesOf(directory)
  } catch (error) {
    onSkipped(directory, String(error))
    return
  }
  for (const entry of entries) {
    const path = join(directory, entry.name)
    if (entry.isDirectory()) yield* filesBelow(path, onSkipped)
    else if (entry.isFile() || entry.isSymbolicLink()) yield path
  }
}

function entriesOf(directory: string) {
  return readdirSync(directory, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))
}

function isModel(path: string, root: string, onSkipped: (path: string, reason: string) => void): boolean {
  const named = /\.(onnx|ort)$/i.test(basename(path))
  try {
    if (!isWithin(realpathSync(path), root)) {
      if (named) onSkipped(path, 'a link that leads out of the directory')
      return false
    }
    return statSync(path).isFile() && (named || beginsAsModel(path))
  } catch (error) {
    if (named) onSkipped(path, String(error))
    return false
  }
}

/** What writers put behind the IR version, with which they begin: producer, domain, model version, doc string, graph or opsets. */
const secondTags = new Set([0x12, 0x1a, 0x22, 0x28, 0x32, 0x3a, 0x42])

function beginsAsModel(path: string): boolean {
  const head = new Uint8Array(3)
  const descriptor = openSync(path, 'r')
  try {
    readSync(descriptor, head)
  } finally {
    closeSync(descriptor)
  }
  const [tag = 0, irVersion = 0, next = 0] = head
  return tag === 0x08 && irVersion >= 1 && irVersion <= 20 && secondTags.has(next)
}
