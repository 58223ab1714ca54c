import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { getCompileCacheDir } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { moduleExtension } from '../../own-modules.ts'

const root = fileURLToPath(new URL('../../..', import.meta.url))

/**
 * Returns a text that depends on nothing but the program and a key. Keeps it in the directory of Node's compile cache, if there is one,
 * and makes it anew when a source file or a dependency has changed.
 *
 * @param name the name of the file in the cache
 * @param make makes the text
 */
export function keptText(name: string, key: string, make: () => string): string {
  const cache = getCompileCacheDir()
  return cache === undefined ? make() : keptAt(join(cache, name), digestOf([programDigest(), key]), make)
}

/** Returns the text in a file that {@link keptAt} wrote for the same subject. If there is none, makes it and writes the file. */
export function keptAt(path: string, subject: string, make: () => string): string {
  const known = readKept(path, subject)
  if (known !== undefined) return known
  const text = make()
  writeKept(path, subject, text)
  return text
}

/** Returns the first line of a file. It has a digest of the text too, since a crash may leave half of a file. */
function headOf(subject: string, text: string): string {
  return `${subject} ${digestOf([text])}\n`
}

/** Returns the text in a file that {@link writeKept} wrote for the same subject; undefined if there is none. */
export function readKept(path: string, subject: string): string | undefined {
  try {
    const content = readFileSync(path, 'utf8')
    const text = content.slice(content.indexOf('\n') + 1)
    return content.startsWith(headOf(subject, text)) ? text : undefined
  } catch {
    return undefined
  }
}

/** Keeps a text in a file, if it can be written. */
export function writeKept(path: string, subject: string, text: string): void {
  const unfinished = `${path}.${process.pid}`
  try {
    writeFileSync(unfinished, `${headOf(subject, text)}${text}`)
    renameSync(unfinished, path)
  } catch {
    // The cache may be read-only, as in an image. The next process makes the text again.
  }
}

/** Returns a digest of all source files and of the versions of all dependencies. */
function programDigest(): string {
  const folders = ['routes', 'schemas', 'src'].flatMap(folder =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map(name => join(folder, name)),
  )
  const files = ['package.json', ...folders.filter(name => name.endsWith(moduleExtension)).sort()]
  return digestOf(files.flatMap(name => [name, readFileSync(join(root, name), 'utf8')]))
}

function digestOf(parts: readonly string[]): string {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(`${part.length}:`).update(part)
  return hash.digest('hex')
}
