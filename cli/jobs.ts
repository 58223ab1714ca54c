import type { JobOf, JobProgress, JobType } from '../schemas/job.ts'
import { requireUnchanged } from './local-server.ts'
import type { WorkProgress } from './progress-line.ts'
import type { Session } from './session.ts'
import { shownScore } from './terminal.ts'

/** Seconds for which a command waits until its cancelled job has ended. */
const cancelSeconds = 10

/** Starts a job. */
export type BeginJob<Type extends JobType> = (options: { signal: AbortSignal }) => Promise<JobOf<Type>>

/** Returns true if the job of a command stays. On a server it does not, unless the command is told to keep it. */
export function isKeptBy({ kind }: Session, keep: boolean): boolean {
  return kind !== 'remote' || keep
}

/**
 * Starts a job and waits until it has ended, and shows how far it is. If the command ends before the job does, the job is cancelled.
 *
 * @param isKept leaves the record of the job where it is
 */
export async function runJob<Type extends JobType>(
  { client, local, reporter, signal, afterwards }: Session,
  isKept: boolean,
  start: BeginJob<Type>,
): Promise<JobOf<Type>> {
  const started = await start({ signal })
  let hasEnded = false
  afterwards(async () => {
    if (!hasEnded) {
      await client.cancelJob(started.id)
      await client.wait(started.id, { signal: AbortSignal.timeout(cancelSeconds * 1000) })
    }
    if (!isKept) await client.deleteJob(started.id)
  })
  const job = await client.wait<Type>(started, {
    signal,
    onProgress: progress => reporter.progress(shownProgress(progress)),
    onEvent: event => reporter.event(started.id, event),
  })
  hasEnded = true
  await requireUnchanged(local)
  return job
}

/**
 * Checks that a job can start, as its server does before it accepts the job, and cancels it.
 * @throws TureenProblem that says why it cannot
 */
export async function checkJob<Type extends JobType>(
  { client, kind, local, signal, afterwards }: Session,
  start: BeginJob<Type>,
): Promise<void> {
  const { id } = await start({ signal })
  // A short job may have ended before.
  await client.cancelJob(id).catch(() => undefined)
  if (kind === 'remote') afterwards(() => client.deleteJob(id))
  const { result } = await client.wait(id, { signal })
  const made = result && 'model' in result ? result.model?.id : undefined
  // The result of a search may be a model that the command has uploaded, and removes anyway.
  if (kind === 'remote' && made !== undefined) afterwards(() => client.deleteModel(made).catch(() => undefined))
  await requireUnchanged(local)
}

/** Returns the progress of a job for a person. */
export function shownProgress({ done, total, message, best, secondsLeft }: JobProgress): WorkProgress {
  const score = best === null || best === undefined ? '' : `, best ${shownScore(best)}`
  return { text: message + score, done, total, secondsLeft }
}
