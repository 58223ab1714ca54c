import { commandLine } from '../../src/command-line.ts'
import { mutants } from './mutants.ts'
import { runSeeds } from './run-seeds.ts'

/**
 * npm run simulate [-- --seeds N] [--seed S] [--threads N] [--mutant NAME]
 *
 * Runs a cluster in which everything that comes from outside follows from a seed, with the virtual time of hours, and checks what was promised.
 */
const names = Object.keys(mutants)
const command = commandLine(`usage: npm run simulate -- [--seeds N] [--seed S] [--threads N] [--mutant NAME]
mutants: ${names.join(', ')}`)
const { values } = command.parse({
  options: {
    seeds: { type: 'string' },
    seed: { type: 'string' },
    threads: { type: 'string' },
    mutant: { type: 'string' },
  },
})
const first = command.wholeNumber('seed', values.seed, 0, 1)
const count = command.wholeNumber('seeds', values.seeds, 1, values.seed === undefined ? 1000 : 1)
const threads = command.wholeNumber('threads', values.threads, 1, Math.min(2, count))

const mutant = Object.entries(mutants).find(([name]) => name === values.mutant)
if (values.mutant !== undefined && !mutant) command.refuse(`--mutant ${values.mutant}: there is no such mutant`)

const say = (text: string) => void process.stdout.write(`${text}\n`)
const began = performance.now()
const { seeds, steps, failing } = await runSeeds({ first, count, threads, mutant: mutant?.[1] })
const seconds = (performance.now() - began) / 1000
for (const { seed, violation, trace } of failing) {
  for (const line of trace) say(line)
  say(`The seed ${seed} fails: ${violation}`)
  say(`Run it again: npm run simulate -- --seed ${seed}`)
}
say(
  `${seeds} seeds in ${seconds.toFixed(1)} s: ${(seeds / seconds).toFixed(1)} seeds and ${Math.round(steps / seconds)} steps a second, ${failing.length} failing`,
)
process.exitCode = failing.length > 0 ? 1 : 0
