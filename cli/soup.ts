import { resultOf } from '../client/index.ts'
import type { MergeResult } from '../schemas/merge.ts'
import type { ModelRecord } from '../schemas/model.ts'
import { readCommand } from './command.ts'
import { exportSoup, prepareExport } from './exported-soup.ts'
import { warnOfIsolation } from './isolation.ts'
import { requireConsistent } from './job-options.ts'
import { checkJob } from './jobs.ts'
import { writeText } from './local-files.ts'
import { CommandFailure, exitCodes } from './mistakes.ts'
import { recipeText } from './recipe-text.ts'
import { saveModel } from './save-model.ts'
import { runSession, type Session } from './session.ts'
import {
  type AskedSoup,
  askedSoup,
  type SoupArguments,
  soupCommandLine,
  soupOptions,
  withRecipeArgument,
} from './soup-arguments.ts'
import { areDirectories, askedDirectories, soupOfDirectories } from './soup-directories.ts'
import { mergeModels, prepareMerge } from './soup-job.ts'
import { standardStream } from './standard-streams.ts'
import { plain, shownBytes } from './terminal.ts'
import { createUploads } from './uploads.ts'

/** `tureen soup`: merges models into one file. */
export async function soupCommand(given: readonly string[]): Promise<void> {
  const read = readCommand(soupCommandLine(), soupOptions, given)
  await runSession(
    'soup',
    read.options,
    async () => {
      const { options, names } = withRecipeArgument(read.options, read.names)
      requireConsistent(options)
      if (!(await areDirectories(names))) return { options, asked: await askedSoup(options, names) }
      return { options, directories: await askedDirectories(options, names) }
    },
    (session, { options, asked, directories }) =>
      directories ? soupOfDirectories(session, options, directories) : act(session, options, asked),
  )
}

async function act(session: Session, options: SoupArguments, asked: AskedSoup): Promise<number> {
  const { reporter } = session
  if (asked.recalibrate) await warnOfIsolation(session)
  const uploads = createUploads(session, options.keep, {
    areRun: asked.recalibrate !== undefined,
    root: options.root,
  })
  const merge = await prepareMerge(session, options, asked, uploads)
  const startExport = asked.exported && (await prepareExport(session, asked.exported, uploads))
  if (options.dryRun) {
    await checkJob(session, merge.start)
    if (startExport) await checkJob(session, startExport)
    reporter.tell(...wouldBe(options, merge.records))
    return exitCodes.done
  }
  const job = await mergeModels(session, options.keep, merge)
  const result = resultOf(job)
  const exported = startExport && (await exportSoup(session, options.keep, startExport, result.model.id, uploads))
  const warnings = [...result.report.warnings, ...(exported?.warnings ?? [])]
  const soup = exported?.model ?? result.model
  if (options.failOnWarnings && warnings.length > 0)
    throw new CommandFailure('The merge has warnings, and --fail-on-warnings is given. Nothing was written.', warnings)
  const recipe = options.recipeOut && (await recipeText(session, result.model.id, options.recipeOut))
  await saveModel(session, soup.id, options.output, options.force)
  if (options.checkpointOut) await saveModel(session, result.model.id, options.checkpointOut, options.force)
  if (options.recipeOut && recipe) await writeText(options.recipeOut, recipe)
  reporter.document(exported ? { items: [job, ...exported.jobs] } : job)
  reporter.warn(warnings)
  reporter.tell(...shownSoup(options, result, soup.bytes))
  return exitCodes.done
}

/** Returns what a person wants to know about a soup. */
function shownSoup(
  { output, checkpointOut }: SoupArguments,
  { model, models = [], report }: MergeResult,
  bytes: number,
): string[] {
  const { averaged, copied, nonFloat } = report.tensors
  const names = models.map(({ id, name }) => name ?? id).join(', ')
  const lines = [
    `${output === standardStream ? 'standard output' : output}: ${shownBytes(bytes)}, of ${names}`,
    ...(checkpointOut === undefined
      ? []
      : [`${checkpointOut}: ${shownBytes(model.bytes)}, the same soup as a checkpoint`]),
    `${averaged} tensors averaged, ${copied} floats and ${nonFloat} others copied`,
  ]
  if (report.recalibration) lines.push(`batch norms measured on ${report.recalibration.samples} samples`)
  return lines.map(plain)
}

/** Returns what a dry run says. */
function wouldBe({ output, recipeOut, checkpointOut }: SoupArguments, records: readonly ModelRecord[]): string[] {
  const inputs = records.map(({ name, id, bytes, sha256 }) => `input: ${name ?? id}, ${shownBytes(bytes)}, ${sha256}`)
  const outputs = [output, recipeOut, checkpointOut].flatMap(path => (path === undefined ? [] : [`output: ${path}`]))
  return ['These models can be merged. Nothing was written.', ...inputs, ...outputs].map(plain)
}
