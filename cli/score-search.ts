import { createHash } from 'node:crypto'
import { type Command, Option } from 'commander'
import { z } from 'zod'
import type { JobOf } from '../schemas/job.ts'
import { runJob } from './jobs.ts'
import { UsageMistake } from './mistakes.ts'
import { readWholeNumber } from './option-values.ts'
import { type CommandScorer, scoreCandidates } from './score-candidates.ts'
import { requireModelPlace } from './scorer-command.ts'
import type { Session } from './session.ts'

/** Options of searches whose scores come from a command, as {@link addCommandScoring} declares them. */
export const commandScoring = {
  score: z.string().optional(),
  direction: z.enum(['max', 'min']).optional(),
  jobs: z.string().optional(),
  timeout: z.string().optional(),
  scoreVersion: z.string().optional(),
  scoreWeight: z.string().optional(),
}

type CommandScoring = z.infer<z.ZodObject<typeof commandScoring>>

export function addCommandScoring(command: Command): Command {
  return command
    .option(
      '--score <command>',
      "command that scores a candidate, in place of a data set or beside --data, such as './eval.sh {model}'; the last line of its output is the score; with {split} in it, which is selection or test, it also scores the result",
    )
    .addOption(
      new Option('--direction <direction>', 'with --score: are higher or lower scores better? (default: max)').choices([
        'max',
        'min',
      ]),
    )
    .option('--jobs <number>', 'with --score: candidates to score at a time (default: 1)')
    .option('--timeout <seconds>', 'with --score: seconds after which a command is ended, as a failure')
    .option(
      '--score-version <version>',
      'with --score: version under which scores are kept; scores of the same command and version are used again',
    )
    .option('--score-weight <number>', 'with --score beside --data: weight of the command (default: 1)')
}

/** Returns how a command scores the candidates of a search; undefined without --score. */
export function readCommandScoring(options: CommandScoring): CommandScorer | undefined {
  const { score: command, direction, jobs, timeout, scoreVersion, scoreWeight } = options
  if (command === undefined) {
    const given = {
      '--direction': direction,
      '--jobs': jobs,
      '--timeout': timeout,
      '--score-version': scoreVersion,
      '--score-weight': scoreWeight,
    }
    const [stray] = Object.entries(given).find(([, value]) => value !== undefined) ?? []
    if (stray === undefined) return undefined
    throw new UsageMistake(`${stray} belongs to --score. Add --score with a command, or leave ${stray} out.`)
  }
  requireModelPlace('--score', command)
  return {
    command,
    jobs: jobs === undefined ? 1 : readWholeNumber('--jobs', jobs),
    leaseSeconds: 60,
    seconds: timeout === undefined ? undefined : readWholeNumber('--timeout', timeout),
    scorer: undefined,
  }
}

/** Returns the scorer of a search that asks a command for scores. The digest of the command names its scores. */
export function commandScorerOf(command: string, { direction = 'max', scoreVersion }: CommandScoring) {
  const name = `command-${createHash('sha256').update(command).digest('hex').slice(0, 16)}`
  return { external: { name, version: scoreVersion ?? '1' }, direction, reuse: scoreVersion !== undefined }
}

/** True if a command also scores on test data. */
export function scoresTests(command: string): boolean {
  return command.includes('{split}')
}

/** Runs a search as {@link runJob} does, and scores its candidates by a command meanwhile. */
export async function runScoredSearch(
  session: Session,
  isKept: boolean,
  scoring: CommandScorer,
  start: (options: { signal: AbortSignal }) => Promise<JobOf<'search'>>,
): Promise<JobOf<'search'>> {
  const stop = new AbortController()
  const scored = { ...session, signal: AbortSignal.any([session.signal, stop.signal]) }
  let scoringEnd: Promise<unknown> | undefined
  try {
    return await runJob<'search'>(scored, isKept, async options => {
      const job = await start(options)
      scoringEnd = scoreCandidates(scored, job.id, scoring).catch((error: unknown) => stop.abort(error))
      return job
    })
  } finally {
    stop.abort(new Error('the search has ended'))
    await scoringEnd
  }
}
