import { Option } from 'commander'
import { z } from 'zod'
import { resultOf } from '../client/index.ts'
import type { SearchResult } from '../schemas/search.ts'
import { type StrategyRequest, strategy } from '../schemas/strategy.ts'
import { commonOptions, createCommand, readCommand, repeated } from './command.ts'
import { findInput, type NamedInput } from './inputs.ts'
import { warnOfIsolation } from './isolation.ts'
import {
  addDryRun,
  addJobOptions,
  addWarningGate,
  dryRunOption,
  jobOptions,
  requireConsistent,
  warningGate,
} from './job-options.ts'
import { checkJob, isKeptBy, runJob } from './jobs.ts'
import { requireWritable } from './local-files.ts'
import { addMergeOptions, findMergeSources, type MergeSources, mergeOptions, mergeSettingsOf } from './merge-options.ts'
import { exitCodes, UsageMistake } from './mistakes.ts'
import { readSettings, readWeight, readWholeNumber } from './option-values.ts'
import { saveModel } from './save-model.ts'
import type { CommandScorer } from './score-candidates.ts'
import { addCommandScoring, commandScoring, readCommandScoring, runScoredSearch } from './score-search.ts'
import { addScoringOptions, scoringOf, scoringOptions } from './scoring-options.ts'
import { type AskedData, dataOptions, findData } from './search-data.ts'
import { hasImproved, searchLines } from './search-lines.ts'
import { requireTests, selectionOf } from './search-terms.ts'
import { runSession, type Session } from './session.ts'
import { standardStream } from './standard-streams.ts'
import { createUploads } from './uploads.ts'

const strategies = strategy.options.map(({ shape }) => shape.type.value)

const searchOptions = z.object({
  ...commonOptions,
  ...jobOptions,
  ...mergeOptions,
  ...scoringOptions,
  output: z.string().optional(),
  ...commandScoring,
  ...dataOptions,
  strategy: z.string(),
  strategySet: z.array(z.string()).optional(),
  evaluations: z.string().optional(),
  ...dryRunOption,
  ...warningGate,
  requireImprovement: z.boolean().default(false),
})

type SearchArguments = z.infer<typeof searchOptions>

/** The arguments of the command, checked. */
type Asked = MergeSources & {
  models: NamedInput[]
  data: AskedData
  scoring: CommandScorer | undefined
  scoreWeight: number | undefined
  strategy: StrategyRequest
  budget: { evaluations?: number }
}

/** `tureen search`: finds the best soup of some models. */
export async function searchCommand(given: readonly string[]): Promise<void> {
  const command = addMergeOptions(
    addCommandScoring(
      addScoringOptions(
        addWarningGate(
          addDryRun(addJobOptions(createCommand('search', 'Search for the best soup of some models.'))),
          'end with code 1, and write no file, if the result has notes',
        )
          .argument('<models...>', 'ONNX files')
          .option(
            '--data <data>',
            'data set that candidates are chosen by: an .npz file; can be repeated, as FILE or FILE:WEIGHT, and stand beside --score',
            repeated,
          )
          .option('--test <data>', 'data set that scores the result once, at the end; one for each --data', repeated)
          .option(
            '--metric <metric>',
            'scoring metric, accuracy without it; one for all data, or one for each',
            repeated,
          )
          .addOption(
            new Option('--strategy <name>', 'way in which candidates are proposed')
              .choices(strategies)
              .default('greedy'),
          )
          .option('--strategy-set <name=value>', 'parameter of the strategy, such as k=5; can be repeated', repeated)
          .option('--evaluations <number>', 'most candidates to score')
          .option('-o, --output <file>', 'file for the recommended model')
          .option(
            '--require-improvement',
            'end with code 3, and write no file, if no soup is better than the best model',
          ),
      ),
    ),
  )
  const { options, names } = readCommand(command, searchOptions, given)
  await runSession(
    'search',
    options,
    () => prepare(options, names),
    (session, asked) => act(session, options, asked),
  )
}

async function prepare(options: SearchArguments, names: readonly string[]): Promise<Asked> {
  requireConsistent(options)
  const { scoreWeight: weight } = options
  const models: NamedInput[] = []
  for (const name of names) models.push(await findInput(name, options))
  if (options.output !== undefined) await requireWritable(options.output, options.force)
  if (options.data === undefined && options.score === undefined)
    throw new UsageMistake('A search needs --data, a data set, or --score, a command of your own, or both.')
  requireTests(options)
  return {
    models,
    data: await findData(options, options),
    scoring: readCommandScoring(options),
    scoreWeight: weight === undefined ? undefined : readWeight(`--score-weight ${weight}`, weight),
    strategy: readStrategy(options),
    budget:
      options.evaluations === undefined ? {} : { evaluations: readWholeNumber('--evaluations', options.evaluations) },
    ...(await findMergeSources(options)),
  }
}

function readStrategy({ strategy: type, strategySet }: SearchArguments): StrategyRequest {
  const parsed = strategy.safeParse({ ...readSettings('--strategy-set', strategySet), type })
  if (parsed.success) return parsed.data
  const causes = parsed.error.issues.map(({ path, message }) => [path.join('.'), message].filter(Boolean).join(': '))
  throw new UsageMistake(
    `The strategy ${type} cannot have these parameters. docs/reference/search-strategies.md lists those of each.`,
    causes,
  )
}

async function act(session: Session, options: SearchArguments, asked: Asked): Promise<number> {
  const { client, reporter, afterwards } = session
  const isKept = isKeptBy(session, options.keep)
  const runsHere = asked.data.length > 0 || asked.recalibrate !== undefined
  if (runsHere) await warnOfIsolation(session)
  const uploads = createUploads(session, options.keep, { areRun: runsHere })
  const models = (await uploads.models(asked.models)).map(({ id }) => ({ id }))
  const base = asked.base && (await uploads.model(asked.base)).id
  const selected = await selectionOf(asked, scoringOf(options), options, uploads)
  const recalibrate = asked.recalibrate && (await uploads.dataset(asked.recalibrate))
  const body = {
    models,
    strategy: asked.strategy,
    ...selected,
    ...mergeSettingsOf(options),
    base,
    ...(recalibrate === undefined ? {} : { recalibrate: { dataset: recalibrate } }),
    budget: asked.budget,
    labels: uploads.labels,
    ttl: uploads.ttl,
  }
  const start = (started: { signal: AbortSignal }) => client.createSearch(body, started)
  if (options.dryRun) {
    await checkJob(session, start)
    reporter.tell('This search can run. Nothing was written.', ...(options.output ? [`output: ${options.output}`] : []))
    return exitCodes.done
  }
  const { scoring } = asked
  const job = await (scoring
    ? runScoredSearch(session, isKept, scoring, start)
    : runJob<'search'>(session, isKept, start))
  const result = resultOf<SearchResult>(job)
  if (!isKept && !models.some(({ id }) => id === result.model.id)) afterwards(() => client.deleteModel(result.model.id))
  reporter.document(job)
  reporter.tell(...searchLines(result, reporter.readable))
  if (options.requireImprovement && !hasImproved(result)) {
    reporter.fail('No soup is better than the best single model, which --require-improvement asks for.')
    return exitCodes.gate
  }
  if (options.failOnWarnings && result.notes.length > 0) {
    reporter.fail('The result has notes, and --fail-on-warnings is given. No file was written.')
    return exitCodes.failed
  }
  if (options.output !== undefined) {
    const { id } = result.recommended ?? result.model
    await saveModel(session, id, options.output, options.force)
    reporter.tell(`${options.output === standardStream ? 'standard output' : options.output}: the recommended model`)
  }
  return exitCodes.done
}
