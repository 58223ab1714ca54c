/** Follows the changes of one job. */
export type FollowedChanges = {
  /** Resolves at a change since the last call, after `milliseconds`, or when the signal fires. */
  next(milliseconds: number): Promise<void>
  /** Stops to follow the job. */
  close(): void
}

/**
 * News of jobs, across all processes that share a catalog. The rows are the truth: news only says that rows have changed, and may come more
 * often than they do. The stream of a job's events (`event-stream.ts`) and waits for its end read the rows.
 */
export type JobEvents = {
  /** Tells all followers that the job or its events have changed. Call it after the commit. */
  changed(id: string): void
  /**
   * Follows the changes of one job. A change while the caller reads the job is not missed: the next call resolves at once. Thousands of
   * clients may wait for a job and vanish together, so a wait has neither signals nor errors of its own.
   */
  follow(id: string, signal: AbortSignal): FollowedChanges
}
