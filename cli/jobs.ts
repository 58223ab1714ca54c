import type { JobOf, JobProgress, JobType } from '../schemas/job.ts'
import type { Session } from './session.ts'
import { shownScore } from './terminal.ts'

/** Seconds for which a command waits until its cancelled job has ended. */
const cancelSeconds = 10

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
  { client, reporter, signal, afterwards }: Session,
  isKept: boolean,
  start: (options: { signal: AbortSignal }) => Promise<JobOf<Type>>,
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
  })
  hasEnded = true
  return job
}

const barWidth = 24

/** Returns the progress of a job as one line. */
export function shownProgress({ done, total, message, best, secondsLeft }: JobProgress): string {
  const share = total > 0 ? Math.min(done / total, 1) : 0
  const filled = Math.round(barWidth * share)
  const bar = `${'█'.repeat(filled)}${'░'.repeat(barWidth - filled)} ${Math.floor(share * 100)} %`
  const score = best === null || best === undefined ? '' : `, best ${shownScore(best)}`
  const left = secondsLeft === null || secondsLeft === undefined ? '' : `, ${Math.ceil(secondsLeft)} s left`
  return `${bar} ${message}${score}${left}`
}
