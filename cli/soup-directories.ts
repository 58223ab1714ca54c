import { mkdir } from 'node:fs/promises'
import { dirname, join, posix } from 'node:path'
import { resultOf } from '../client/index.ts'
import type { JobOf } from '../schemas/job.ts'
import type { MergeResult } from '../schemas/merge.ts'
import { findInput, type NamedInput } from './inputs.ts'
import { warnOfIsolation } from './isolation.ts'
import { checkJob } from './jobs.ts'
import { readText, whileWriting } from './local-files.ts'
import { CommandFailure, exitCodes, UsageMistake, whileSending } from './mistakes.ts'
import {
  dataOfModels,
  isDirectory,
  type ModelDirectory,
  readModelDirectory,
  requireSamePaths,
} from './model-directories.ts'
import { addData, differences, othersOf } from './other-files.ts'
import { copyInto, requireNewDirectory, saveDirectory } from './output-directory.ts'
import { isMergekit } from './recipe-file.ts'
import { saveModel } from './save-model.ts'
import type { Session } from './session.ts'
import { type AskedSoup, askedSettings, type SoupArguments } from './soup-arguments.ts'
import { mergeModels, prepareMerge } from './soup-job.ts'
import { standardStream } from './standard-streams.ts'
import { plain } from './terminal.ts'
import { createUploads } from './uploads.ts'

/** A soup of directories, checked. The other files of the result are those of `base`. */
export type AskedDirectories = Pick<AskedSoup, 'weights' | 'recipe' | 'rules'> & {
  directories: readonly ModelDirectory[]
  base: ModelDirectory
  /** True if the base is none of the directories. */
  isBeside: boolean
  /** Data to measure the batch norms of models on, by the path of the model. */
  data: ReadonlyMap<string, NamedInput>
}

/** True if a soup is one of directories. @throws UsageMistake if only some of the arguments are directories */
export async function areDirectories(names: readonly string[]): Promise<boolean> {
  const found = await Promise.all(names.map(isDirectory))
  if (!found.includes(true)) return false
  const [file] = names.filter((_, index) => !found[index])
  if (file === undefined) return true
  throw new UsageMistake(
    `${names[found.indexOf(true)]} is a directory, and ${file} is none. Name files only, or directories only.`,
  )
}

/** Reads and checks the arguments of a soup of directories. @throws UsageMistake */
export async function askedDirectories(options: SoupArguments, names: readonly string[]): Promise<AskedDirectories> {
  const { output, force, base, recipe, recipeOut, model } = options
  const [other] = Object.entries({ '--recipe-out': recipeOut, '--model': model }).find(([, it]) => it) ?? []
  if (other) throw new UsageMistake(`${other} works on one soup, and directories make several. Leave it out.`)
  if (output === standardStream) throw new UsageMistake('A soup of directories is a directory. Name one with -o.')
  if (recipe !== undefined && isMergekit(recipe, await readText(recipe)))
    throw new UsageMistake(`${recipe} is a configuration of mergekit, which names models itself. Give a recipe.`)
  if (base !== undefined && !(await isDirectory(base)))
    throw new UsageMistake(`--base ${base} must be a directory, since the models are directories.`)
  const directories: ModelDirectory[] = []
  for (const name of names) directories.push(await readModelDirectory(name))
  const beside = base === undefined ? undefined : await readModelDirectory(base)
  const [first] = directories
  const ofBase = beside ?? first
  if (!ofBase) throw new UsageMistake('A soup needs at least one directory of models.')
  requireSamePaths([ofBase, ...directories])
  await requireNewDirectory(output, force, [...names, ...(base === undefined ? [] : [base])])
  const settings = await askedSettings(options, names.length)
  if (settings.recipe.models?.some(({ id }) => id !== undefined))
    throw new UsageMistake(
      `${recipe} names models by their content, and directories have several of each. Give a recipe with weights alone.`,
    )
  const data = await calibrationOf(options, ofBase)
  return { ...settings, directories, base: ofBase, isBeside: beside !== undefined, data }
}

/** Finds the data of --recalibrate: one file for all models, or a directory with a file for each, at the path of the model. */
async function calibrationOf(options: SoupArguments, { models }: ModelDirectory): Promise<Map<string, NamedInput>> {
  const { recalibrate } = options
  if (recalibrate === undefined) return new Map()
  if (await isDirectory(recalibrate)) {
    const found = await dataOfModels(recalibrate, models)
    return new Map(found.map(({ model, path }) => [model, { kind: 'file', path, shown: path }]))
  }
  const input = await findInput(recalibrate, options)
  return new Map(models.map(model => [model, input]))
}

/** Merges the models of directories, path by path, into a new directory. @returns the exit code */
export async function soupOfDirectories(
  session: Session,
  options: SoupArguments,
  asked: AskedDirectories,
): Promise<number> {
  const { reporter } = session
  const { base, directories } = asked
  const { root } = options
  if (asked.data.size > 0) await warnOfIsolation(session)
  const uploads = createUploads(session, options.keep, { areRun: asked.data.size > 0, root })
  const input = (directory: ModelDirectory, path: string): NamedInput => {
    const file = join(directory.path, path)
    return { kind: 'file', path: file, shown: file }
  }
  const jobs: { path: string; job: JobOf<'merge'> }[] = []
  const data = new Map(([base, ...directories] as readonly ModelDirectory[]).map(each => [each, new Set<string>()]))
  for (const path of base.models) {
    const models = directories.map(each => input(each, path))
    const beside = asked.isBeside ? input(base, path) : undefined
    const recalibrate = asked.data.get(path)
    const one = { ...asked, models, base: beside, recalibrate, mergekit: undefined, exported: undefined }
    const merge = await prepareMerge(session, options, one, uploads)
    const shown = join(base.path, path)
    for (const [index, record] of merge.records.entries()) addData(data.get(directories[index] ?? base), path, record)
    if (options.dryRun) await whileSending(shown, () => checkJob(session, merge.start))
    else jobs.push({ path, job: await whileSending(shown, () => mergeModels(session, options.keep, merge)) })
  }
  const others = othersOf(base, data)
  const warnings = await differences(asked, others, data)
  if (options.dryRun) {
    reporter.warn(warnings)
    reporter.tell(...wouldBe(options.output, base, others))
    return exitCodes.done
  }
  const results = jobs.map(({ path, job }) => ({ path, result: resultOf(job) }))
  warnings.push(...results.flatMap(({ path, result }) => result.report.warnings.map(each => `${path}: ${each}`)))
  if (options.failOnWarnings && warnings.length > 0)
    throw new CommandFailure('There are warnings, and --fail-on-warnings is given. Nothing was written.', warnings)
  await whileWriting(options.output, () =>
    saveDirectory(options.output, async unfinished => {
      for (const { path, result } of results) {
        await mkdir(dirname(join(unfinished, path)), { recursive: true })
        await saveModel(session, result.model.id, join(unfinished, path), false)
      }
      for (const path of others) await copyInto(join(base.path, path), join(unfinished, path))
    }),
  )
  reporter.document({ items: jobs.map(({ job }) => job) })
  reporter.warn(warnings)
  reporter.tell(
    plain(
      `${options.output}: ${counted(results.length, 'model')}, and ${counted(others.length, 'other file')} of ${base.path}`,
    ),
    ...results.map(({ path, result }) => plain(`${path}: ${madeOf(result)}`)),
  )
  return exitCodes.done
}

/** Returns in words what a merge has done to one model. */
function madeOf({ report: { tensors, recalibration } }: MergeResult): string {
  const measured = recalibration ? `, batch norms measured on ${recalibration.samples} samples` : ''
  return `${tensors.averaged} tensors averaged${measured}`
}

/** Returns what a dry run says. */
function wouldBe(output: string, base: ModelDirectory, others: readonly string[]): string[] {
  return [
    'The models of each path can be merged. Nothing was written.',
    ...base.models.map(path => `model: ${posix.join(output, path)}`),
    ...others.map(path => `copy of ${base.path}: ${posix.join(output, path)}`),
  ].map(plain)
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}
