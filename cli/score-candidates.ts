import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { saveDownload } from '../client/files.ts'
import { type TureenClient, TureenConnectionError, TureenProblem } from '../client/index.ts'
import type { ShownCandidate } from '../schemas/candidate.ts'
import { whileWriting } from './local-files.ts'
import { CommandFailure } from './mistakes.ts'
import { filledCommand, type Measured, runScorer } from './scorer-command.ts'
import type { Session } from './session.ts'
import { shownScore } from './terminal.ts'

/** How a command scores candidates. */
export type CommandScorer = {
  /** The command, with the places {model} and {split}. */
  command: string
  /** Number of candidates that are scored at a time. */
  jobs: number
  /** Seconds of a lease. It is renewed after a third of them, while the command runs. */
  leaseSeconds: number
  /** Seconds after which a command is ended; undefined: never. */
  seconds: number | undefined
  /** Name of the scorer whose candidates are taken; undefined: of any. */
  scorer: string | undefined
}

/** Numbers of candidates that have been scored, and that have failed. */
export type CandidateCounts = { scored: number; failed: number; status: string }

/** Seconds for which the server holds back an answer without candidates. */
const waitSeconds = 30

/** Seconds for which the scorer goes on although the server does not answer. */
const reconnectSeconds = 300

/** Milliseconds in which leases are given back after an interruption. */
const givingBackMilliseconds = 5_000

const ended: readonly string[] = ['succeeded', 'failed', 'cancelled']

/**
 * Scores the candidates of a search by a command until the search has ended.
 * @throws CommandFailure if the shell cannot run the command, so that no candidate is lost to a misspelt command
 */
export async function scoreCandidates(
  { client, reporter, signal: outer }: Pick<Session, 'client' | 'reporter' | 'signal'>,
  job: string,
  scoring: CommandScorer,
): Promise<CandidateCounts> {
  const counts: CandidateCounts = { scored: 0, failed: 0, status: 'running' }
  const failing = new AbortController()
  const signal = AbortSignal.any([outer, failing.signal])
  const directory = await whileWriting(tmpdir(), () => mkdtemp(join(tmpdir(), 'tureen-score-')))

  const tell = ({ place }: ShownCandidate, measured: Measured) => {
    const hasScore = 'score' in measured
    if (hasScore) counts.scored += 1
    else counts.failed += 1
    if (hasScore) reporter.remark(`candidate ${place}: ${shownScore(measured.score)}`)
    else reporter.warn([`candidate ${place}: ${measured.error}`])
  }

  const scoreOne = async (lease: string, candidate: ShownCandidate) => {
    const over = new AbortController()
    const renewing = setInterval(
      () => {
        renew(client, job, lease, scoring.leaseSeconds).then(
          isOver => isOver && over.abort(searchEnded),
          () => undefined,
        )
      },
      (scoring.leaseSeconds * 1000) / 3,
    )
    const both = AbortSignal.any([signal, over.signal])
    const own = await mkdtemp(join(directory, 'candidate-'))
    try {
      const model = await savedCandidate(client, job, candidate, own, both)
      const command = filledCommand(scoring.command, { model, split: candidate.split })
      const measured = await runScorer(command, both, scoring.seconds)
      if ('unusable' in measured)
        throw new CommandFailure(`The shell cannot run the command: ${measured.error}`, [
          `Correct it: ${scoring.command}`,
          'The candidate went back, and nothing was scored with it.',
        ])
      const isTaken = await sentOutcome(client, job, candidate.id, measured, both)
      if (isTaken) tell(candidate, measured)
    } catch (error) {
      // Candidates go with their search, and with their models.
      if (!over.signal.aborted && !isGone(error)) throw error
    } finally {
      clearInterval(renewing)
      await rm(own, { recursive: true, force: true })
    }
  }

  const work = async () => {
    for (;;) {
      const request = {
        count: 1,
        seconds: scoring.leaseSeconds,
        ...(scoring.scorer === undefined ? {} : { scorer: scoring.scorer }),
      }
      const lease = await patiently(() => client.createLease(job, request, { wait: waitSeconds, signal }), signal)
      counts.status = lease.job.status
      if (ended.includes(lease.job.status)) return
      const [candidate] = lease.candidates
      if (lease.id === null || candidate === undefined) continue
      try {
        await scoreOne(lease.id, candidate)
      } catch (error) {
        await client
          .deleteLease(job, lease.id, { signal: AbortSignal.timeout(givingBackMilliseconds) })
          .catch(() => undefined)
        throw error
      }
    }
  }

  const workers = Array.from({ length: scoring.jobs }, () =>
    work().catch((error: unknown) => {
      failing.abort(error)
      throw error
    }),
  )
  try {
    await Promise.allSettled(workers)
    outer.throwIfAborted()
    failing.signal.throwIfAborted()
    return counts
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

const searchEnded = new Error('the search has ended')

/** Renews a lease. @returns true if the search has ended, so that nobody needs the score any more */
async function renew(client: TureenClient, job: string, lease: string, seconds: number): Promise<boolean> {
  await client.updateLease(job, lease, seconds).catch((error: unknown) => {
    // A lease that has expired: the score counts if it comes before that of another scorer.
    if (!(error instanceof TureenProblem)) throw error
  })
  // A token of the scope `score` cannot read the job. Its commands run to their ends.
  const { status } = await client.getJob(job)
  return ended.includes(status)
}

/** Writes the files of a candidate into a directory. @returns the path of its ONNX file */
async function savedCandidate(
  client: TureenClient,
  job: string,
  { id, data }: ShownCandidate,
  directory: string,
  signal: AbortSignal,
): Promise<string> {
  const path = join(directory, 'model.onnx')
  for (const { location } of data) {
    const target = join(directory, location)
    if (location.startsWith('/') || location.split(/[/\\]/).includes('..'))
      throw new CommandFailure(`A candidate keeps weights in ${location}, which is not below its directory.`)
    await mkdir(dirname(target), { recursive: true })
    await whileWriting(target, async () =>
      saveDownload(await client.getCandidateData(job, id, location, { signal }), target),
    )
  }
  await whileWriting(path, async () => saveDownload(await client.getCandidateContent(job, id, { signal }), path))
  return path
}

/** Sends an outcome. @returns false if another scorer was first, or if the candidate is gone */
async function sentOutcome(
  client: TureenClient,
  job: string,
  candidate: string,
  measured: Measured,
  signal: AbortSignal,
): Promise<boolean> {
  const outcome = 'score' in measured ? { score: measured.score } : { error: measured.error }
  try {
    await patiently(() => client.putCandidateScore(job, candidate, outcome, { signal }), signal)
    return true
  } catch (error) {
    if (isGone(error)) return false
    throw error
  }
}

/** True for the refusal of a candidate that is no longer there, or that another scorer has settled. */
function isGone(error: unknown): boolean {
  return error instanceof TureenProblem && (error.status === 404 || error.status === 409)
}

/** Asks again while the server does not answer, as it does during a restart. */
async function patiently<Answer>(ask: () => Promise<Answer>, signal: AbortSignal): Promise<Answer> {
  const until = performance.now() + reconnectSeconds * 1000
  for (;;)
    try {
      return await ask()
    } catch (error) {
      const isAway =
        error instanceof TureenConnectionError ||
        (error instanceof TureenProblem && [429, 502, 503, 504].includes(error.status))
      if (!isAway || signal.aborted || performance.now() > until) throw error
      await delay(1_000 + 2_000 * Math.random(), undefined, { signal })
    }
}
