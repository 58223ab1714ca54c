import type { JobOf } from '../schemas/job.ts'
import type { ModelRecord } from '../schemas/model.ts'
import { type BeginJob, isKeptBy, runJob } from './jobs.ts'
import { mergeSettingsOf } from './merge-options.ts'
import { withModels } from './mergekit-file.ts'
import type { Session } from './session.ts'
import type { AskedSoup, SoupArguments } from './soup-arguments.ts'
import { mergedModels } from './soup-models.ts'
import type { Uploads } from './uploads.ts'

/** A merge whose models are where the command works. */
export type PreparedMerge = { records: ModelRecord[]; start: BeginJob<'merge'> }

/** Puts the models of a soup where the command works. */
export async function prepareMerge(
  { client }: Session,
  options: SoupArguments,
  asked: AskedSoup,
  uploads: Uploads,
): Promise<PreparedMerge> {
  const records = await uploads.models([...asked.models, ...(asked.base ? [asked.base] : [])])
  const data = asked.recalibrate && (await uploads.dataset(asked.recalibrate))
  // A text, which the server reads as YAML and so as JSON: it checks what files say, and tells all that is wrong.
  const text = asked.mergekit
    ? withModels(asked.mergekit.file, name => idOf(asked, records, name))
    : JSON.stringify({ ...bodyOf(options, asked, records, data), labels: uploads.labels, ttl: uploads.ttl })
  return { records, start: started => client.createMerge(text, started) }
}

/** Merges models. On a server, the soup goes with the command unless it is told to keep it. */
export async function mergeModels(session: Session, keep: boolean, { start }: PreparedMerge): Promise<JobOf<'merge'>> {
  const isKept = isKeptBy(session, keep)
  const job = await runJob<'merge'>(session, isKept, start)
  const { result } = job
  if (!isKept && result) session.afterwards(() => session.client.deleteModel(result.model.id))
  return job
}

/** Returns the id of a model that a configuration of mergekit names. */
function idOf({ models, mergekit }: AskedSoup, records: readonly ModelRecord[], name: string): string {
  const input = mergekit?.inputs.get(name)
  return input === undefined ? name : (records[models.indexOf(input)]?.id ?? name)
}

/** Returns the request of the merge. Options go before the recipe. @param records of the models, then of a base beside them */
function bodyOf(
  options: SoupArguments,
  { models, weights, recipe, rules, base }: AskedSoup,
  records: readonly ModelRecord[],
  data: string | undefined,
) {
  const { weights: _, models: _named, recalibrate, ...settings } = recipe
  return {
    ...settings,
    models: mergedModels(recipe, records.slice(0, models.length), weights),
    ...mergeSettingsOf(options),
    ...(base === undefined ? {} : { base: records[models.length]?.id }),
    ...(rules === undefined ? {} : { rules }),
    ...(options.normalize ? {} : { normalize: false }),
    ...(data === undefined ? { recalibrate } : { recalibrate: { ...Object(recalibrate), dataset: data } }),
  }
}
