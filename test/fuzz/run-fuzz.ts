import { fork } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Finding, FuzzMessage, FuzzTask } from './fuzz-child.ts'

export type FuzzResult = {
  seed: number
  count: number
  seconds: number
  /** How the inputs ended, with counts. */
  ended: Record<string, number>
  /** Bytes that the memory of the process which grew most had grown by, at its highest. */
  growth: number
  slowestMilliseconds: number
  findings: Finding[]
}

const childModule = fileURLToPath(new URL('./fuzz-child.ts', import.meta.url))
const pollMilliseconds = 500
/** An input that takes as long has no end; those of more than a second are found by the child itself. */
const hangMilliseconds = 15_000
/** A busy machine makes the start of a process long, and no input does. */
const startMilliseconds = 300_000

/**
 * Reads `count` damaged models in `jobs` processes.
 * @param onFinding called as soon as something is found
 * @param patience milliseconds after which an input hangs
 */
export async function fuzzModels(
  seed: number,
  count: number,
  jobs: number,
  onFinding: (finding: Finding) => void = () => undefined,
  patience = hangMilliseconds,
): Promise<FuzzResult> {
  const directory = mkdtempSync(join(tmpdir(), 'tureen-fuzz-'))
  const started = performance.now()
  const result: FuzzResult = { seed, count, seconds: 0, ended: {}, growth: 0, slowestMilliseconds: 0, findings: [] }
  const share = Math.ceil(count / jobs)
  const work = async (job: number) => {
    const indexFile = join(directory, `index-${job}`)
    const to = Math.min(count, (job + 1) * share)
    for (let from = job * share; from < to; ) {
      const run = await runChild({ seed, from, to }, indexFile, patience)
      add(result, run)
      for (const finding of run.findings) {
        const confirmed = await confirm(finding, seed, indexFile, patience)
        if (!confirmed) continue
        result.findings.push(confirmed)
        onFinding(confirmed)
      }
      from = run.next
    }
  }
  try {
    await Promise.all(Array.from({ length: jobs }, (_, job) => work(job)))
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
  result.seconds = (performance.now() - started) / 1000
  return result
}

type ChildRun = { findings: Finding[]; ended: Record<string, number>; growth: number; slowest: number; next: number }

/** What is slow or large, or hangs, is so only if it is by itself in a new process: not for what others left behind, or a busy machine. */
async function confirm(
  finding: Finding,
  seed: number,
  indexFile: string,
  patience: number,
): Promise<Finding | undefined> {
  if (finding.kind !== 'slow' && finding.kind !== 'memory' && finding.kind !== 'hang') return finding
  const { findings } = await runChild({ seed, from: finding.index, to: finding.index + 1 }, indexFile, patience)
  return findings.find(({ kind }) => kind === finding.kind || kind === 'crash' || kind === 'hang')
}

function add(result: FuzzResult, { ended, growth, slowest }: ChildRun): void {
  for (const [end, times] of Object.entries(ended)) result.ended[end] = (result.ended[end] ?? 0) + times
  result.growth = Math.max(result.growth, growth)
  result.slowestMilliseconds = Math.max(result.slowestMilliseconds, slowest)
}

/** Runs one process for as long as it lasts; `next` is the index with which the one after it has to go on. */
function runChild(task: FuzzTask, indexFile: string, patience: number): Promise<ChildRun> {
  const descriptor = openSync(indexFile, 'w')
  const child = fork(childModule, [], {
    execArgv: ['--expose-gc'],
    stdio: ['ignore', 'ignore', 'pipe', descriptor, 'ipc'],
  })
  closeSync(descriptor)
  let stderr = ''
  child.stderr?.on('data', (chunk: Buffer) => {
    stderr = (stderr + String(chunk)).slice(-2000)
  })
  const current = () => Number.parseInt(readFileSync(indexFile, 'utf8') || String(task.from), 10)
  const run: ChildRun = { findings: [], ended: {}, growth: 0, slowest: 0, next: -1 }
  return new Promise(resolve => {
    let seen = { index: -1, since: performance.now() }
    const hasBegun = () => statSync(indexFile).size > 0
    let hangs = false
    const poll = setInterval(() => {
      const index = current()
      if (index !== seen.index) seen = { index, since: performance.now() }
      else if (performance.now() - seen.since > (hasBegun() ? patience : startMilliseconds)) {
        hangs = true
        child.kill('SIGKILL')
      }
    }, pollMilliseconds)
    child.on('message', (message: FuzzMessage) => {
      if ('finding' in message) return void run.findings.push(message.finding)
      Object.assign(run, message)
      child.disconnect()
    })
    child.once('exit', (code, signal) => {
      clearInterval(poll)
      if (run.next >= 0) return resolve(run)
      const index = current()
      run.next = index + 1
      if (hangs) run.findings.push({ index, kind: 'hang', reason: `no end after ${patience / 1000} s` })
      else run.findings.push({ index, kind: 'crash', reason: `${signal ?? `exit code ${code}`} ${stderr.trim()}` })
      return resolve(run)
    })
    child.send(task)
  })
}
