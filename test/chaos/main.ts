import { commandLine } from '../../src/command-line.ts'
import { runSeed } from '../support/random.ts'
import { runChaos } from './run-chaos.ts'

/**
 * npm run chaos [-- --times N] [--uploads N] [--jobs N] [--seed S] [--earlier DIR]
 *
 * Starts a cluster, kills its servers, restarts its database and stops its S3 server while clients work, and compares what it holds with
 * what the clients were told. It needs PostgreSQL and Ceph. A seed repeats what is asked and broken, not what the clock makes of it. The
 * last line is JSON. With --earlier, the servers start in an earlier version, which was installed in that directory, and are upgraded one
 * after the other.
 */
const usage = 'usage: npm run chaos -- [--times N] [--uploads N] [--jobs N] [--seed S] [--earlier DIR]'
const command = commandLine(usage)
const { values } = command.parse({
  options: {
    times: { type: 'string' },
    uploads: { type: 'string' },
    jobs: { type: 'string' },
    seed: { type: 'string' },
    earlier: { type: 'string' },
  },
})
const times = command.wholeNumber('times', values.times, 1, 1)
const uploads = command.wholeNumber('uploads', values.uploads, 1, 500)
const jobs = command.wholeNumber('jobs', values.jobs, 1, 200)
const first = command.wholeNumber('seed', values.seed, 0, runSeed)
const { earlier } = values
const say = (text: string) => void process.stdout.write(`${text}\n`)

let broken = 0
for (let seed = first; seed < first + times; seed += 1) {
  say(`seed ${seed}`)
  const { counts, problems } = await runChaos({ seed, uploads, jobs, faultSeconds: 20, earlier }, text =>
    say(`  ${text}`),
  )
  for (const [what, count] of Object.entries(counts)) say(`${String(count).padStart(10)} ${what}`)
  for (const problem of problems) say(`PROBLEM (seed ${seed}): ${problem}`)
  if (problems.length > 0) broken += 1
}
say(JSON.stringify({ passed: times - broken, failed: broken }))
if (broken > 0) process.exitCode = 1
