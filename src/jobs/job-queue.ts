import type { JobItem, JobType } from '../../schemas/job.ts'
import type { Catalog } from '../storage/database.ts'

/**
 * Reason why a job's AbortSignal fired. `cancelled`: a client cancelled the job; `shutdown`: the process stops, and the job runs again
 * later. `lost`: another process has taken the job, because the heartbeats of this one did not arrive.
 */
export type AbortReason = 'cancelled' | 'shutdown' | 'lost'

/** A job whose row says `queued`. */
export type QueuedJob = { id: string; type: JobType }

/** Hears of jobs that the queue fails, and of jobs that the death of a process cut off. `type`: as the catalog has it. */
export type QueueObserver = { jobEnded(job: JobItem): void; jobCutOff(type: string): void }

/** A job that this process runs. Its row says `running`, and counts this start as an attempt. */
export type Claim = {
  id: string
  /** Time of this start, which tells it from other starts of the job. Only the newest start can end the job. */
  startedAt: string
  /** Fires with an {@link AbortReason}. The run must then end at once. */
  signal: AbortSignal
  /** Lets other jobs run beside this one. Until then, a job that has its last attempt runs alone. */
  accompany(): void
  /**
   * Tells that this start has committed the end of its part: the job waits, or is queued again. The run must then end soon. A queued job is
   * handed out again after that.
   */
  left(status: 'waiting' | 'queued'): void
}

/**
 * The queue of jobs. The rows of jobs are the truth: the queue hands out queued jobs, and changes their status and attempts.
 * Each committed job is handed out at least once: again after a clean stop, and again after its process died, until its attempts are
 * exhausted. Then the queue fails it.
 */
export type JobQueue = {
  /**
   * Runs `create` in a transaction, and enqueues the job that it returns in the same transaction: a new one, or one that waited. A job that is
   * not committed never runs. Nothing is enqueued if `create` returns undefined.
   * @throws the error of `create`
   */
  enqueue<Job extends QueuedJob | undefined>(create: (transaction: Catalog) => Promise<Job>): Promise<Job>
  /**
   * Hands out jobs to this process, also those of processes that died. Without it the process only enqueues jobs.
   * @param run ends the job in the catalog, unless its signal fired or another start has replaced this one; it must not throw. The queue
   * settles the claim when `run` returns
   */
  work(run: (claim: Claim) => Promise<void>): Promise<void>
  /** Stops a job that is cancelled in the catalog, wherever it runs. Nothing waits for it any more. */
  cancel(id: string): Promise<void>
  /** Claims nothing more, stops the running jobs, which go back into the queue without counting this start, and waits for them. */
  close(): Promise<void>
}
