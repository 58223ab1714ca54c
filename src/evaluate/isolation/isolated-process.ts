import type { Readable, Writable } from 'node:stream'

/** The end of an evaluator. `peakBytes`: most resident memory that it ever had, if the system tells. */
export type IsolatedEnd = { code: number | null; signal: NodeJS.Signals | null; peakBytes?: number }

/** A started process in which an evaluator runs. */
export type IsolatedProcess = {
  /** Process id as this server sees it, for /proc/PID/statm. */
  readonly pid: number
  /** Requests to the evaluator: its descriptor 0. Its errors need no listener, since the end of the process tells more. */
  readonly input: Writable
  /** Answers of the evaluator: its descriptor 3. Its descriptor 1 is /dev/null. */
  readonly output: Readable
  /** Its descriptor 2. */
  readonly errors: Readable
  /** Resolves when the process has ended. Its last output may still have to be read. */
  readonly exited: Promise<IsolatedEnd>
  kill(): void
  /** Bounds the memory that the process may take in addition to its present memory (RLIMIT_DATA), if the system can. */
  limitMemory(bytes: number): Promise<void>
}

/**
 * `directory`: has `job/`, the files of one job and the only place that the process may read besides the program, and `empty/`, its working
 * directory. `cpuSeconds`: processor time after which the system ends it.
 */
export type IsolatedStart = { directory: string; script: string; cpuSeconds: number }

/** Starts a process. @throws Error with the reason if the system cannot start it */
export type StartIsolated = (start: IsolatedStart) => Promise<IsolatedProcess>
