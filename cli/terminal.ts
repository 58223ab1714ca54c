import { stripVTControlCharacters, styleText } from 'node:util'
import type { JobStreamEvent } from '../client/index.ts'
import { createProgressLine, type WorkProgress } from './progress-line.ts'

/** Returns a text without control characters: names in models could otherwise write anything on a terminal. */
export function plain(text: string): string {
  return stripVTControlCharacters(text).replaceAll(/\p{Cc}+/gu, ' ')
}

/** Returns rows as lines whose columns stand below each other. Numbers, and dashes in their place, stand to the right. */
export function tableLines(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const all = [head, ...rows].map(row => row.map(plain))
  const widths = head.map((_, column) => Math.max(...all.map(row => row[column]?.length ?? 0)))
  const isNumeric = head.map((_, column) => rows.every(row => /^[-+]?[\d.,]*( \w+)?$/.test(row[column] ?? '')))
  return all.map((row, index) => {
    const cells = widths.map((width, column) => {
      const cell = row[column] ?? ''
      return isNumeric[column] ? cell.padStart(width) : cell.padEnd(width)
    })
    const line = cells.join('  ').trimEnd()
    return index === 0 ? styleText('bold', line, { stream: process.stdout }) : line
  })
}

const units = ['B', 'KB', 'MB', 'GB', 'TB']

/** Returns a number of bytes as people read it, such as 1.6 MB. */
export function shownBytes(bytes: number): string {
  const power = Math.min(Math.floor(Math.log10(Math.max(bytes, 1)) / 3), units.length - 1)
  const amount = bytes / 1000 ** power
  return `${power === 0 ? amount : amount.toFixed(amount < 10 ? 1 : 0)} ${units[power]}`
}

/** Returns progress through bytes, with their rate. `total`: null if it is unknown. */
export function byteProgress(name: string, done: number, total: number | null): WorkProgress {
  const text = `${name}: ${shownBytes(done)}${total === null ? '' : ` of ${shownBytes(total)}`}`
  return { text, done, total, rate: perSecond => `${shownBytes(Math.round(perSecond))}/s` }
}

/** Returns a score with up to six significant digits; a dash if it is missing. */
export function shownScore(score: number | null | undefined): string {
  return score === null || score === undefined ? '-' : String(Number(score.toPrecision(6)))
}

/** Writes what a command has to say. */
export type Reporter = {
  /** Has texts for people show a name in place of an id, which means nothing to them. */
  show(id: string, name: string): void
  /** Returns a text for people, with such names and without control characters. */
  readable(text: string): string
  /** Writes lines for a person on standard output. */
  tell(...lines: string[]): void
  /** Writes an event as a line of its own, if `--ndjson` asks for it. The end of a job is not among them: see `document`. */
  event(jobId: string, event: JobStreamEvent): void
  /** Writes the only document on standard output, if `--json` asks for it, or the last line of `--ndjson`. */
  document(value: object): void
  /** Writes remarks on standard error. */
  warn(lines: readonly string[]): void
  /** Writes what happens meanwhile on standard error. */
  remark(text: string): void
  /** Writes why the command does not end with 0, although nothing went wrong. */
  fail(text: string): void
  /** Shows how far the command is: one line of a terminal that changes. */
  progress(progress: WorkProgress): void
  /** Removes that line. */
  clear(): void
}

/** Options of the output. `output`: the file that the command makes; with `-`, only the model goes to standard output. */
export type ReporterOptions = { json: boolean; ndjson?: boolean; quiet: boolean; output?: string | undefined }

/** Returns what writes for a command. With `json` and `ndjson` people get no lines, with `quiet` only errors. */
export function createReporter({ json, ndjson = false, quiet, output }: ReporterOptions): Reporter {
  const people = output === '-' ? process.stderr : process.stdout
  const isLive = process.stderr.isTTY && !quiet && process.env.TERM !== 'dumb'
  const line = isLive ? createProgressLine(process.stderr) : undefined
  const clear = () => line?.clear()
  const names = new Map<string, string>()
  const readable = (text: string) => plain([...names].reduce((all, [id, name]) => all.replaceAll(id, name), text))
  return {
    readable,
    show: (id, name) => void names.set(id, name),
    clear,
    tell(...lines) {
      clear()
      if (!json && !ndjson && !quiet) people.write(lines.map(line => `${line}\n`).join(''))
    },
    event(jobId, event) {
      clear()
      if (ndjson && event.type !== 'done') process.stdout.write(`${JSON.stringify({ jobId, ...event })}\n`)
    },
    document(value) {
      clear()
      if (ndjson)
        process.stdout.write(`${JSON.stringify({ type: 'done', ...('items' in value ? value : { job: value }) })}\n`)
      if (json) process.stdout.write(`${JSON.stringify(value, null, 2)}\n`)
    },
    warn(lines) {
      clear()
      if (quiet) return
      const mark = styleText('yellow', 'warning:', { stream: process.stderr })
      for (const line of lines) process.stderr.write(`${mark} ${readable(line)}\n`)
    },
    remark(text) {
      clear()
      if (!quiet) process.stderr.write(`${readable(text)}\n`)
    },
    fail(text) {
      clear()
      process.stderr.write(`${styleText('red', 'not met:', { stream: process.stderr })} ${plain(text)}\n`)
    },
    progress: progress => line?.show({ ...progress, text: plain(progress.text) }),
  }
}
