import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startEvaluator } from '../../src/evaluate/evaluator-process.ts'

/** Starts evaluators one after the other, as the server does without a sandbox. Prints the mean seconds of processor time until one is ready. */
const starts = 10
const ticksPerSecond = 100
const limits = { seconds: 60, memoryBytes: 1 << 30, threads: 1 }

const directory = mkdtempSync(join(tmpdir(), 'tureen-evaluators-'))
let ticks = 0
for (let start = 0; start < starts; start += 1) {
  const evaluator = await startEvaluator(directory, limits)
  // proc_pid_stat(5): the fields after the name begin with the third; 14 and 15 are the times.
  const fields = readFileSync(`/proc/${evaluator.pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? []
  ticks += Number(fields[11]) + Number(fields[12])
  await evaluator.end()
  await evaluator.gone
}
rmSync(directory, { recursive: true, force: true })
process.stdout.write(String(ticks / ticksPerSecond / starts))
