import { rmSync } from 'node:fs'
import { copyFile, mkdir, open, readdir, rename, rm } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { v4 as randomName } from 'uuid'
import { UsageMistake } from './mistakes.ts'
import { isDirectory, requireOutside } from './model-directories.ts'

/**
 * Checks that a directory can be made.
 * @param force true if it may replace one that has files
 * @param inputs paths that must not be inside it then
 * @throws UsageMistake
 */
export async function requireNewDirectory(path: string, force: boolean, inputs: readonly string[]): Promise<void> {
  if (await isDirectory(path)) {
    if ((await readdir(path)).length > 0 && !force)
      throw new UsageMistake(`${path} has files already. Add --force to replace the directory, or name another one.`)
    return requireOutside(path, [...inputs, process.cwd()])
  }
  if (!(await isDirectory(dirname(resolve(path)))))
    throw new UsageMistake(`${path} cannot be written: there is no directory ${dirname(path)}. Create it first.`)
}

/**
 * Has a directory appear at once and whole: it is filled under another name beside it, and then renamed. One that is there is replaced.
 * @param fill gets the path under which to write
 */
export async function saveDirectory(path: string, fill: (unfinished: string) => Promise<void>): Promise<void> {
  const target = resolve(path)
  const beside = (kind: string) => join(dirname(target), `.${basename(target)}.${randomName()}.${kind}`)
  const unfinished = beside('part')
  // A second signal ends the process without the rest.
  process.once('exit', () => rmSync(unfinished, { recursive: true, force: true }))
  try {
    await mkdir(unfinished)
    await fill(unfinished)
    if (!(await isDirectory(target))) return await rename(unfinished, target)
    const replaced = beside('old')
    await rename(target, replaced)
    try {
      await rename(unfinished, target)
    } catch (error) {
      await rename(replaced, target)
      throw error
    }
    await rm(replaced, { recursive: true, force: true })
  } finally {
    await rm(unfinished, { recursive: true, force: true })
  }
}

/** Copies a file to a new one, flushed, and makes the directories on its way. */
export async function copyInto(source: string, target: string): Promise<void> {
  await mkdir(dirname(target), { recursive: true })
  await copyFile(source, target)
  const file = await open(target, 'r')
  try {
    await file.sync()
  } finally {
    await file.close()
  }
}
