import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { join, posix } from 'node:path'
import { pipeline } from 'node:stream/promises'
import type { ModelRecord } from '../schemas/model.ts'
import type { ModelDirectory } from './model-directories.ts'

/** Notes the external data of a model, by its path below the directory. */
export function addData(paths: Set<string> | undefined, path: string, { files }: ModelRecord): void {
  for (const { location } of files)
    if (location !== '') paths?.add(posix.join(posix.dirname(path), location.replaceAll('\\', '/')))
}

/** Returns the files of a directory that are neither models nor their external data. */
export function othersOf(directory: ModelDirectory, data: ReadonlyMap<ModelDirectory, ReadonlySet<string>>): string[] {
  return directory.others.filter(path => !data.get(directory)?.has(path))
}

/** Returns a sentence about each other file that is not the same in all directories. */
export async function differences(
  { base, directories }: { base: ModelDirectory; directories: readonly ModelDirectory[] },
  copied: readonly string[],
  data: ReadonlyMap<ModelDirectory, ReadonlySet<string>>,
): Promise<string[]> {
  const found: string[] = []
  for (const directory of directories.filter(each => each !== base)) {
    const theirs = othersOf(directory, data)
    const ours = `the result has that of ${base.path}`
    for (const path of copied) {
      if (!theirs.includes(path)) found.push(`${path} is missing in ${directory.path}; ${ours}`)
      else if (!(await haveSameBytes(join(base.path, path), join(directory.path, path))))
        found.push(`${path} differs in ${directory.path}; ${ours}`)
    }
    const strangers = theirs.filter(path => !copied.includes(path))
    found.push(...strangers.map(path => `${path} is only in ${directory.path}; the result does not have it`))
  }
  return found
}

async function haveSameBytes(a: string, b: string): Promise<boolean> {
  if ((await stat(a)).size !== (await stat(b)).size) return false
  const [first, second] = await Promise.all([digestOf(a), digestOf(b)])
  return first === second
}

async function digestOf(path: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(path), hash)
  return hash.digest('hex')
}
