import { readdir, stat } from 'node:fs/promises'
import { join, posix, relative, resolve, sep } from 'node:path'
import { fileReason, UsageMistake } from './mistakes.ts'

/** The files of a directory of models, by their paths below it, with slashes. Names that begin with a dot are left out. */
export type ModelDirectory = { path: string; models: readonly string[]; others: readonly string[] }

/** True if a path is a directory. */
export function isDirectory(path: string): Promise<boolean> {
  return stat(path).then(
    found => found.isDirectory(),
    () => false,
  )
}

/** Lists a directory of models. @throws UsageMistake if it has none, or something that is neither file nor directory */
export async function readModelDirectory(path: string): Promise<ModelDirectory> {
  const files = (await filesBelow(path)).sort()
  const isModel = (file: string) => /\.onnx$/i.test(file)
  const models = files.filter(isModel)
  if (models.length === 0) throw new UsageMistake(`The directory ${path} has no ONNX files (*.onnx). Name another one.`)
  return { path, models, others: files.filter(file => !isModel(file)) }
}

/**
 * Finds the data sets of models in a directory: `sub/encoder.npz` belongs to `sub/encoder.onnx`. Models without one are left out.
 * @throws UsageMistake if a data set belongs to no model, or if there is none
 */
export async function dataOfModels(
  directory: string,
  models: readonly string[],
): Promise<{ model: string; path: string }[]> {
  const files = (await filesBelow(directory)).filter(file => /\.npz$/i.test(file)).sort()
  if (files.length === 0)
    throw new UsageMistake(
      `The directory ${directory} has no data sets (*.npz). Name one that has, or a file for all models.`,
    )
  const stem = (file: string) => file.replace(/\.\w+$/, '')
  return files.map(file => {
    const model = models.find(each => stem(each) === stem(file))
    if (model !== undefined) return { model, path: join(directory, file) }
    throw new UsageMistake(
      `${join(directory, file)} belongs to no model: there is no ${stem(file)}.onnx. Remove or rename it.`,
    )
  })
}

async function filesBelow(directory: string, below = ''): Promise<string[]> {
  const found: string[] = []
  for (const entry of await entriesOf(join(directory, below))) {
    if (entry.name.startsWith('.')) continue
    const path = posix.join(below, entry.name)
    if (entry.isDirectory()) found.push(...(await filesBelow(directory, path)))
    else if (await isFileOrLink(join(directory, path))) found.push(path)
    else throw new UsageMistake(`${join(directory, path)} is no regular file, and no link to one. Remove it.`)
  }
  return found
}

async function entriesOf(path: string) {
  try {
    return await readdir(path, { withFileTypes: true })
  } catch (error) {
    throw new UsageMistake(`The directory ${path} cannot be read: ${fileReason(error)}.`)
  }
}

function isFileOrLink(path: string): Promise<boolean> {
  return stat(path).then(
    found => found.isFile(),
    () => false,
  )
}

/** Checks that directories have ONNX files at the same paths as the first one. @throws UsageMistake that names the others */
export function requireSamePaths([first, ...others]: readonly ModelDirectory[]): void {
  if (!first) return
  for (const { path, models } of others) {
    const lines = [
      ...first.models
        .filter(each => !models.includes(each))
        .map(each => `${each} is in ${first.path}, not in ${path}.`),
      ...models
        .filter(each => !first.models.includes(each))
        .map(each => `${each} is in ${path}, not in ${first.path}.`),
    ]
    if (lines.length > 0)
      throw new UsageMistake(
        `${first.path} and ${path} have different ONNX files. Each one is merged with those of the same path.`,
        lines,
      )
  }
}

/** Checks that a directory can be replaced. @throws UsageMistake if a path is inside it, or is the directory itself */
export function requireOutside(output: string, paths: readonly string[]): void {
  for (const path of paths) {
    const steps = relative(resolve(output), resolve(path))
    if (steps !== '..' && !steps.startsWith(`..${sep}`))
      throw new UsageMistake(`${output} cannot be replaced: ${path} is in it. Name another directory.`)
  }
}
