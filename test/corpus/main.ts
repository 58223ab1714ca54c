import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { commandLine } from '../../src/command-line.ts'
import { createLane, type FileReport } from './lane.ts'
import { type FoundFile, modelPaths } from './model-paths.ts'
import { totalLines, totalsOf } from './totals.ts'

/**
 * npm run corpus -- DIR [DIR ...] [--jobs N] [--json FILE] [--limit N]
 *
 * Runs three invariants over every ONNX file below the directories: it can be indexed, or is refused for a reason; a soup of it
 * with itself is the same file; a soup with a copy whose weights are perturbed opens in onnxruntime whenever the file does. A line
 * for each failure and totals go to stdout, the last line of which is JSON; how far it is goes to stderr, all outcomes to `--json`.
 */
const limits = { seconds: 60, dataBytes: 8 * 2 ** 30 }
const mostBytes = 2 ** 30
const progressMilliseconds = 5000

const command = commandLine('usage: npm run corpus -- DIR [DIR ...] [--jobs N] [--json FILE] [--limit N]')
const { values, positionals } = command.parse({
  allowPositionals: true,
  options: { jobs: { type: 'string' }, json: { type: 'string' }, limit: { type: 'string' } },
})
const jobs = command.wholeNumber('jobs', values.jobs, 1, availableParallelism())
const limit = command.wholeNumber('limit', values.limit, 1, Number.POSITIVE_INFINITY)
if (positionals.length === 0) command.refuse('Name one directory or more')
for (const directory of positionals)
  if (!statSync(directory, { throwIfNoEntry: false })?.isDirectory()) command.refuse(`${directory} is not a directory`)

const say = (text: string) => void process.stdout.write(`${text}\n`)
const tell = (text: string) => void process.stderr.write(`${text}\n`)
/** Of anything that a file may contain, on one line. */
const oneLine = (text: string) => text.replaceAll(/[\p{Cc}\s]+/gu, ' ').slice(0, 600)

const workspace = mkdtempSync(join(tmpdir(), 'tureen-corpus-'))
process.once('exit', () => rmSync(workspace, { recursive: true, force: true, maxRetries: 3 }))
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130))

const skipped: { path: string; reason: string }[] = []
const skip = (path: string, reason: string) => {
  skipped.push({ path, reason })
  say(`SKIP ${oneLine(path)}: ${oneLine(reason)}`)
}
function* everyFile(): Generator<FoundFile> {
  let left = limit
  for (const directory of positionals) {
    for (const file of modelPaths(resolve(directory), skip)) {
      if (left <= 0) return
      left -= 1
      yield file
    }
  }
}

const files = everyFile()
const reports: FileReport[] = []
const started = performance.now()
const secondsSoFar = () => (performance.now() - started) / 1000
const progress = setInterval(() => {
  const failed = reports.filter(({ outcome }) => outcome === 'failed').length
  tell(`${reports.length} files, ${failed} failed, ${Math.round(secondsSoFar())} s: ${reports.at(-1)?.path ?? ''}`)
}, progressMilliseconds)

async function work(index: number): Promise<void> {
  const lane = createLane(join(workspace, `lane-${index}`), limits, mostBytes)
  try {
    for (let next = files.next(); !next.done; next = files.next()) {
      const report = await lane.check(next.value)
      reports.push(report)
      for (const { invariant, reason } of report.failures)
        say(`FAIL ${oneLine(report.path)}: ${invariant}: ${oneLine(reason)}`)
    }
  } finally {
    lane.end()
  }
}

await Promise.all(Array.from({ length: jobs }, (_, index) => work(index)))
clearInterval(progress)
const totals = totalsOf(reports, skipped.length, secondsSoFar())
if (values.json !== undefined) {
  reports.sort((a, b) => (a.path < b.path ? -1 : 1))
  writeFileSync(resolve(values.json), `${JSON.stringify({ totals, files: reports, skipped }, null, 1)}\n`)
}
if (reports.length === 0) say(`No ONNX file was checked below ${positionals.join(', ')}: nothing was tried.`)
for (const line of totalLines(totals)) say(line)
say(JSON.stringify(totals))
process.exitCode = totals.failures > 0 || reports.length === 0 ? 1 : 0
