import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, stat } from 'node:fs/promises'
import { dirname, join, posix } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { resultOf } from '../client/index.ts'
import type { JobOf } from '../schemas/job.ts'
import type { ModelRecord } from '../schemas/model.ts'
import type { NamedInput } from './inputs.ts'
import { checkJob } from './jobs.ts'
import { readText, whileWriting } from './local-files.ts'
import { CommandFailure, exitCodes, UsageMistake } from './mistakes.ts'
import { isDirectory, type ModelDirectory, readModelDirectory, requireSamePaths } from './model-directories.ts'
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
  const { output, force, base, recipe, recalibrate, recipeOut, model } = options
  const [other] =
    Object.entries({ '--recalibrate': recalibrate, '--recipe-out': recipeOut, '--model': model }).find(
      ([, it]) => it,
    ) ?? []
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
  return { ...settings, directories, base: ofBase, isBeside: beside !== undefined }
}

/** Merges the models of directories, path by path, into a new directory. @returns the exit code */
export async function soupOfDirectories(
  session: Session,
  options: SoupArguments,
  asked: AskedDirectories,
): Promise<number> {
  const { reporter } = session
  const { base, directories } = asked
  const uploads = createUploads(session, options.keep)
  const input = (directory: ModelDirectory, path: string): NamedInput => {
    const file = join(directory.path, path)
    return { kind: 'file', path: file, shown: file }
  }
  const jobs: { path: string; job: JobOf<'merge'> }[] = []
  const data = new Map(([base, ...directories] as readonly ModelDirectory[]).map(each => [each, new Set<string>()]))
  for (const path of base.models) {
    const models = directories.map(each => input(each, path))
    const beside = asked.isBeside ? input(base, path) : undefined
    const one = { ...asked, models, base: beside, recalibrate: undefined, mergekit: undefined, exported: undefined }
    const merge = await prepareMerge(session, options, one, uploads)
    for (const [index, record] of merge.records.entries()) addData(data.get(directories[index] ?? base), path, record)
    if (options.dryRun) await checkJob(session, merge.start)
    else jobs.push({ path, job: await mergeModels(session, options.keep, merge) })
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
    ...results.map(({ path, result }) => plain(`${path}: ${result.report.tensors.averaged} tensors averaged`)),
  )
  return exitCodes.done
}

/** Notes the external data of a model, by its path below the directory. */
function addData(paths: Set<string> | undefined, path: string, { files }: ModelRecord): void {
  for (const { location } of files)
    if (location !== '') paths?.add(posix.join(posix.dirname(path), location.replaceAll('\\', '/')))
}

/** Returns the files of a directory that are neither models nor their external data. */
function othersOf(directory: ModelDirectory, data: ReadonlyMap<ModelDirectory, ReadonlySet<string>>): string[] {
  return directory.others.filter(path => !data.get(directory)?.has(path))
}

/** Returns a sentence about each other file that is not the same in all directories. */
async function differences(
  { base, directories }: AskedDirectories,
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
