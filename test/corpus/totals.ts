import type { FileReport } from './lane.ts'

/** A run in numbers: the JSON object that its last line is. */
export type Totals = {
  files: number
  bytes: number
  seconds: number
  filesPerSecond: number
  outcomes: Record<string, number>
  refusedByCode: Record<string, number>
  soupsRefusedByCode: Record<string, number>
  onnxruntime: { opens: number; doesNotOpen: number; notAsked: number }
  notes: Record<string, number>
  skipped: number
  failures: number
  failuresByInvariant: Record<string, number>
}

export function totalsOf(reports: readonly FileReport[], skipped: number, seconds: number): Totals {
  const refusals = reports.flatMap(({ refused }) => refused ?? [])
  const failures = reports.flatMap(report => report.failures)
  const opened = (opens: boolean | null) => reports.filter(report => report.opens === opens).length
  return {
    files: reports.length,
    bytes: reports.reduce((sum, { bytes }) => sum + bytes, 0),
    seconds: rounded(seconds),
    filesPerSecond: rounded(reports.length / seconds),
    outcomes: counts(reports.map(({ outcome }) => outcome)),
    refusedByCode: counts(refusals.flatMap(({ invariant, code }) => (invariant === 'index' ? code : []))),
    soupsRefusedByCode: counts(refusals.flatMap(({ invariant, code }) => (invariant === 'index' ? [] : code))),
    onnxruntime: { opens: opened(true), doesNotOpen: opened(false), notAsked: opened(null) },
    notes: counts(reports.flatMap(({ notes }) => notes.map(note => note.split(':')[0] ?? note))),
    skipped,
    failures: failures.length,
    failuresByInvariant: counts(failures.map(({ invariant }) => invariant)),
  }
}

/** For people: a line for each kind of outcome. */
export function totalLines(totals: Totals): string[] {
  const list = (numbers: Record<string, number>) =>
    Object.entries(numbers)
      .map(([name, count]) => `${name} ${count}`)
      .join(', ') || 'none'
  const { opens, doesNotOpen, notAsked } = totals.onnxruntime
  return [
    `${totals.files} files in ${totals.seconds} s (${totals.filesPerSecond} a second), ${totals.skipped} skipped`,
    `outcomes: ${list(totals.outcomes)}`,
    `refused: ${list(totals.refusedByCode)}`,
    `soups refused of what onnxruntime does not open either, or failed: ${list(totals.soupsRefusedByCode)}`,
    `onnxruntime opens ${opens}, does not open ${doesNotOpen}, was not asked about ${notAsked}`,
    `notes: ${list(totals.notes)}`,
    `failures: ${totals.failures} (${list(totals.failuresByInvariant)})`,
  ]
}

function counts(names: readonly string[]): Record<string, number> {
  const byName = new Map<string, number>()
  for (const name of names) byName.set(name, (byName.get(name) ?? 0) + 1)
  return Object.fromEntries([...byName].sort(([a], [b]) => (a < b ? -1 : 1)))
}

function rounded(value: number): number {
  return Math.round(value * 10) / 10
}
