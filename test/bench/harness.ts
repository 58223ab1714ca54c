import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** A bench compares: every number is a ratio of two medians, of runs that took turns on one machine within minutes. */

/** What one run came to. `details` are further numbers worth keeping, which rows may compare instead of seconds. */
export type Timing = { seconds: number; details?: Record<string, number> }

/**
 * One of two sides that do the same work. A run starts from nothing: no cache, no process of the run before.
 * `name`: in a few words; `description`: all that a reader needs to repeat it.
 */
export type Contestant = {
  name: string
  description: string
  /** Files that it reads: they are read once before each run, so that nobody waits for the disk because of who came before. */
  inputs?(): Promise<readonly string[]>
  run(): Promise<Timing>
}

/** A contestant that cannot run here, and why. */
export type Absent = { name: string; skipped: string }

/** A row to be measured. `target`: the ratio that is aimed at, at most. `of`: the detail that is compared, seconds if left out. */
export type Comparison = {
  row: string
  what: string
  of?: string
  ours: Contestant
  /** Made only if the row is measured. */
  baseline(): Contestant | Absent | Promise<Contestant | Absent>
  target?: number
}

/** `about`: what was measured on. `findings`, once all has run: what the runs showed beside times. */
export type OpenBench = { about: string[]; comparisons: Comparison[]; findings(): string[] }

/** A group of rows that have their names in common up to the first slash. */
export type Bench = {
  name: string
  /** @param workspace a directory that is removed at the end @param signal fires when the bench is over or interrupted: end what runs */
  open(workspace: string, signal: AbortSignal): Promise<OpenBench>
}

export type Side = {
  name: string
  description: string
  /** What is compared, run by run. */
  values: number[]
  median: number
  details: Record<string, number[]>
}

export type MeasuredRow = {
  row: string
  what: string
  of: string
  target: number | null
  skipped: null
  ours: Side
  baseline: Side
  /** Median of ours to median of the baseline's. */
  ratio: number
  /** The ratio within each round, in which the two ran one after the other. */
  ratios: number[]
  runs: number
}

export type SkippedRow = {
  row: string
  what: string
  of: string
  target: number | null
  skipped: string
  baseline: string
}

export type Row = MeasuredRow | SkippedRow

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const upper = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
  const lower = sorted[Math.ceil(sorted.length / 2) - 1] ?? Number.NaN
  return (lower + upper) / 2
}

/**
 * Runs contestants in turns, so that whatever else the machine does meets all of them.
 * @returns for each, its runs in order
 */
export async function interleave(
  contestants: readonly Contestant[],
  runs: number,
  onRun: (round: number, contestant: Contestant, timing: Timing) => void,
): Promise<Map<Contestant, Timing[]>> {
  const timings = new Map(contestants.map(contestant => [contestant, [] as Timing[]]))
  for (let round = 0; round < runs; round += 1) {
    for (const [contestant, own] of timings) {
      // Nobody pays for what the one before has left to be written.
      await run('sync')
      await run('sh', ['-c', 'cat /dev/null "$@" > /dev/null', 'sh', ...((await contestant.inputs?.()) ?? [])])
      const timing = await contestant.run()
      own.push(timing)
      onRun(round, contestant, timing)
    }
  }
  return timings
}

/** Measures rows that may have sides in common: such a side runs once in a round. */
export async function measure(
  comparisons: readonly Comparison[],
  runs: number,
  onRun: (round: number, contestant: Contestant, timing: Timing) => void,
): Promise<Row[]> {
  const opened: { comparison: Comparison; other: Contestant | Absent }[] = []
  for (const comparison of comparisons) opened.push({ comparison, other: await comparison.baseline() })
  const contestants = opened.flatMap(({ comparison, other }) => ('run' in other ? [comparison.ours, other] : []))
  const timings = await interleave(contestants, runs, onRun)
  const sideOf = (contestant: Contestant, of: string): Side => {
    const own = timings.get(contestant) ?? []
    const values = own.map(({ seconds, details }) => (of === 'seconds' ? seconds : (details?.[of] ?? Number.NaN)))
    const names = new Set(own.flatMap(({ details }) => Object.keys(details ?? {})))
    const details = Object.fromEntries(
      [...names].map(name => [name, own.flatMap(timing => timing.details?.[name] ?? [])]),
    )
    return { name: contestant.name, description: contestant.description, values, median: median(values), details }
  }
  return opened.map(({ comparison: { row, what, of = 'seconds', target = null, ours: our }, other }) => {
    if (!('run' in other)) return { row, what, of, target, skipped: other.skipped, baseline: other.name }
    const ours = sideOf(our, of)
    const baseline = sideOf(other, of)
    const ratios = ours.values.map((value, round) => value / (baseline.values[round] ?? Number.NaN))
    return { row, what, of, target, skipped: null, ours, baseline, ratio: ours.median / baseline.median, ratios, runs }
  })
}
