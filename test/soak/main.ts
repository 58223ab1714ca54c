import { commandLine } from '../../src/command-line.ts'
import { runSeed } from '../support/random.ts'
import { soak } from './run-soak.ts'

/**
 * npm run soak [-- --minutes N] [--seed S]
 *
 * Uploads, merges, evaluations, searches, cancellations, hang-ups and SIGKILLs at random, against a record of what was acknowledged.
 * The last line is JSON. A seed repeats what is asked in which order, not what the clock makes of it.
 */
const command = commandLine('usage: npm run soak -- [--minutes N] [--seed S]')
const { values } = command.parse({
  options: { minutes: { type: 'string', default: '3' }, seed: { type: 'string' } },
})
const minutes = Number(values.minutes)
const seed = command.wholeNumber('seed', values.seed, 0, runSeed)
if (!(minutes > 0 && minutes < 1e6)) command.refuse(`--minutes ${values.minutes}: must be a number above 0`)

const say = (text: string) => void process.stdout.write(`${text}\n`)
say(`${minutes} minutes, seed ${seed}`)
const result = await soak(minutes, seed)
for (const [what, times] of Object.entries(result.done)) say(`${String(times).padStart(7)} ${what}`)
const mebibytes = (bytes: number) => (bytes / 2 ** 20).toFixed(0)
say(
  `memory ${mebibytes(result.memory.before)} MB before, ${mebibytes(result.memory.after)} MB after; descriptors on files of the store ${result.descriptors}; unfinished files ${result.incoming}; ${result.problems.length} problems`,
)
for (const problem of result.problems) say(`PROBLEM (seed ${seed}): ${problem}`)
say(JSON.stringify({ ...result, problems: result.problems.length }))
process.exitCode = result.problems.length > 0 ? 1 : 0
