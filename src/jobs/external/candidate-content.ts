import type { OutputDtype } from '../../../schemas/merge.ts'
import type { ModelRecord } from '../../../schemas/model.ts'
import type { SearchRequest } from '../../../schemas/search.ts'
import type { ErrorCode } from '../../error-catalogue.ts'
import { TureenError } from '../../errors.ts'
import { evaluatorErrors } from '../../evaluate/evaluator-errors.ts'
import type { CandidateSoup } from '../../merge/candidate-plan.ts'
import { filesOf } from '../../merge/merge-inputs.ts'
import { type RecipeDocument, recipeDocument } from '../../merge/provenance.ts'
import { modelErrors } from '../../models/model-errors.ts'
import { isSingle } from '../../search/candidate-soup.ts'
import type { ContentLink, ReadRange } from '../../storage/content/content-store.ts'
import { readPieces } from '../../storage/content/read-pieces.ts'
import { threadErrors } from '../../threads/thread-errors.ts'
import { hasEnded } from '../end-job.ts'
import type { JobQueries } from '../job-queries.ts'
import type { Merger } from '../merge-job.ts'
import { readingCalibration, recalibrate } from '../recalibration.ts'
import { scoringErrors } from '../resolve-scoring.ts'
import { type ResolvedSearch, resolveSearch, type SearchedModel } from '../resolve-search.ts'
import { modelOfSoup } from '../search-model.ts'
import { soupMerge } from '../search-soups.ts'
import type { MakeOutputs, SharedOutputs } from './shared-outputs.ts'

/** A candidate whose bytes a client asks for. `request`: that of its search. */
export type AskedCandidate = { id: string; jobId: string; soup: CandidateSoup; request: SearchRequest }

/** One file of a candidate. `link`: a place from which clients may get it in place of this server. */
export type CandidateFile = { read: ReadRange; link?: ContentLink; bytes: number; sha256: string }

/**
 * The bytes of candidates: those of the model that the search has as its result if the candidate wins. That is a new model with its recipe,
 * or a single model as it is. External data is inside, unless protobuf could not hold it. Nothing is stored.
 */
export type CandidateContent = {
  /**
   * Returns the recipe of a candidate, which makes the same bytes, and the locations of the external data beside its file.
   * @throws TureenError as `using`, if records of the search were deleted after its end
   */
  describe(candidate: AskedCandidate): Promise<{ recipe: RecipeDocument; locations: string[] }>
  /**
   * Runs `use` with a file of a candidate. The server makes it, unless it has made it a moment ago.
   * @param location empty for the model file
   * @param signal ends the wait for the file
   * @throws TureenError with the codes of {@link candidateContentErrors}
   */
  using<Result>(
    candidate: AskedCandidate,
    location: string,
    signal: AbortSignal,
    use: (file: CandidateFile) => Promise<Result>,
  ): Promise<Result>
}

/** Error codes of {@link CandidateContent.using}. */
export const candidateContentErrors = [
  ...modelErrors.getComplete,
  ...modelErrors.file,
  ...modelErrors.withInline,
  ...modelErrors.whileSound,
  ...scoringErrors,
  ...threadErrors.merge,
  ...evaluatorErrors,
  'TUREEN_RECALIBRATION_IMPOSSIBLE',
  'TUREEN_JOB_FINISHED',
] as const satisfies readonly ErrorCode[]

/** The stored model that a candidate has its files from. `isStored`: the candidate is that model, file by file. */
type Origin = { record: ModelRecord; single: SearchedModel | undefined; isInside: boolean; isStored: boolean }

/** A search whose records were found. `recordOf`: returns the record of a model of it, read once. */
type KnownSearch = { found: ResolvedSearch; recordOf(reference: string): Promise<ModelRecord> }

/** Searches whose records are remembered: a scorer leases and downloads many candidates of one search. */
const mostSearches = 16

/** Seconds of one wait for the end of a job, longer than any file stays. */
const waitedSeconds = 1_000_000

/** @param outputs the files of candidates; nobody else uses them */
export function createCandidateContent(
  merger: Merger,
  outputs: SharedOutputs,
  { wait }: Pick<JobQueries, 'wait'>,
): CandidateContent {
  const { models, contentFiles, threads } = merger
  const searches = new Map<string, Promise<KnownSearch>>()
  const find = async (request: SearchRequest): Promise<KnownSearch> => {
    const found = await resolveSearch(request, merger)
    const records = new Map<string, Promise<ModelRecord>>()
    const recordOf = (reference: string) => {
      const record = records.get(reference) ?? models.get(reference)
      records.set(reference, record)
      return record
    }
    return { found, recordOf }
  }
  /** Returns the search of a job. It stays the same, since nobody can delete its inputs before the job ends. */
  const searchOf = ({ jobId, request }: AskedCandidate): Promise<KnownSearch> => {
    const search = searches.get(jobId) ?? find(request)
    searches.delete(jobId)
    searches.set(jobId, search)
    search.catch(() => searches.delete(jobId))
    for (const [oldest] of searches) if (searches.size > mostSearches) searches.delete(oldest)
    return search
  }

  const originOf = async ({ soup }: AskedCandidate, { found, recordOf }: KnownSearch): Promise<Origin> => {
    const single = modelOfSoup(soup, found)
    const record = await recordOf(single?.id ?? soupMerge(soup, found, true).inputs.base.label)
    const hasData = record.files.length > 1
    const isInside = !hasData || fitsInside(record, found.settings.outputDtype)
    return { record, single, isInside, isStored: single !== undefined && (!hasData || !isInside) }
  }

  /** Merges the soup as the job does that stores it, with its external data inside if that fits. */
  const makingSoup = (
    { soup, jobId }: AskedCandidate,
    { found }: KnownSearch,
    { record, isInside }: Origin,
  ): MakeOutputs => {
    const { inputs, settings } = soupMerge(soup, found, true)
    // The score before and after the recalibration is of no use here.
    const recalibration = isSingle(soup) || !found.recalibration ? null : { ...found.recalibration, scoring: null }
    const bytes = record.bytes * (settings.outputDtype === 'float64' ? 2 : 1)
    return (signal, hold) =>
      contentFiles.withOutput(bytes, async output => {
        const merge = async (output: string) => {
          const merging = { inputs, settings: { ...settings, inline: isInside }, output, durable: false }
          return (await threads.merge(merging, { signal })).files
        }
        const measured = async () => {
          if (!recalibration) return merge(output)
          return contentFiles.withOutput(bytes, async between => {
            const options = { jobId, output, signal, onProgress: () => undefined }
            return (await recalibrate(await merge(between), recalibration, merger, options)).files
          })
        }
        const files = await models.whileSound(filesOf(inputs), signal, () =>
          readingCalibration(recalibration, merger, signal, measured),
        )
        await hold(files)
      })
  }

  /** Makes files that go when their job ends. */
  const untilEnd = ({ id, jobId }: AskedCandidate, make: MakeOutputs): MakeOutputs => {
    return async (signal, hold) => {
      const over = new AbortController()
      const watch = async () => {
        const stored = await wait(jobId, waitedSeconds, over.signal).catch(() => null)
        if (!over.signal.aborted && (!stored || hasEnded(stored.job.status))) outputs.drop(id, jobFinished(jobId))
      }
      const watching = watch()
      try {
        await make(signal, hold)
      } finally {
        over.abort()
        await watching
      }
    }
  }

  return {
    async describe(candidate) {
      const search = await searchOf(candidate)
      const { record, isInside, single } = await originOf(candidate, search)
      const { inputs, settings } = soupMerge(candidate.soup, search.found, single === undefined)
      const locations = isInside ? [] : record.files.flatMap(file => file.location || [])
      return { recipe: recipeDocument(inputs, settings), locations }
    },
    async using(candidate, location, signal, use) {
      const search = await searchOf(candidate)
      const origin = await originOf(candidate, search)
      const { record, single, isInside, isStored } = origin
      if (location !== '' && isInside) throw noLocation(candidate.id, location)
      if (isStored) {
        const file = models.file(record, location)
        const { path, data } = models.paths(record)
        const files = { label: record.id, path, data: data.filter(each => each.location === location) }
        await models.requireSound([files], signal)
        return use(file)
      }
      const make: MakeOutputs = single
        ? (signal, hold) => models.withInline(record, signal, file => hold([{ ...file, location }]))
        : makingSoup(candidate, search, origin)
      return outputs.using(candidate.id, signal, untilEnd(candidate, make), files => {
        const file = files.find(each => each.location === location)
        if (!file) throw noLocation(candidate.id, location)
        const { path, bytes, sha256 } = file
        return use({ read: range => readPieces(path, range), bytes, sha256 })
      })
    },
  }
}

/** Bytes of one file of protobuf, without room for the recipe and for what tensors of many bytes say of themselves. */
const mostInside = 2 ** 31 - (64 << 20)

/**
 * True if the soups of a base surely fit into one file of protobuf. Elements may become larger by `outputDtype`, by up to this factor.
 */
function fitsInside({ bytes }: ModelRecord, outputDtype: OutputDtype | undefined): boolean {
  const factor = outputDtype === 'float64' ? 4 : outputDtype === 'float32' ? 2 : 1
  return bytes * factor <= mostInside
}

/** Returns the refusal of a candidate's bytes, leases or scores after the end of its job. */
export function jobFinished(jobId: string): TureenError {
  const message = 'has ended, and its candidates with it'
  return new TureenError(
    'TUREEN_JOB_FINISHED',
    `The job ${jobId} ${message}. Post the recipe of the candidate to /v1/merges to get its model.`,
    [{ job: jobId, message }],
  )
}

function noLocation(id: string, location: string): TureenError {
  const message = `has no external data ${location} beside its file; the record of the candidate lists what it has`
  return new TureenError('TUREEN_NOT_FOUND', `The candidate ${id} ${message}.`, [{ location, message }])
}
