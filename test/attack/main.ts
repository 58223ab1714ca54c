import { commandLine } from '../../src/command-line.ts'
import { attacks } from './attacks.ts'
import type { AttackResult } from './run-attack.ts'
import { runAttacks } from './run-attacks.ts'

/**
 * npm run attack [-- --only NAME] [--list] [--help]
 *
 * Attacks servers of its own on loopback, and says what stalled, grew or got in. It ends with 1 if anything did. The last line is
 * JSON.
 */
const usage = 'usage: npm run attack -- [--only NAME]... [--list] [--help]'
const command = commandLine(usage)
const { values } = command.parse({
  options: {
    only: { type: 'string', multiple: true, default: [] },
    list: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})
const say = (text: string) => void process.stdout.write(`${text}\n`)
const widest = Math.max(...attacks.map(({ name }) => name.length))

function listAttacks(): void {
  for (const { name, server, does } of attacks) say(`${name.padEnd(widest)}  ${server.padEnd(7)}  ${does}`)
}

/** How many times a figure is that of a server that does nothing else. */
const ratio = (figure: number, plain: number) => `${(figure / plain).toFixed(1)} times that`

function report({ name, seconds, health, stall, memory, plain, notes, problems }: AttackResult): void {
  const { before, most, after } = memory
  const figures = [
    `${seconds.toFixed(1).padStart(6)} s`,
    `health p99 ${health.p99.toFixed(0).padStart(4)} ms, with waits ${health.withWaits.toFixed(0).padStart(5)}`,
    `loop held ${stall.toFixed(0).padStart(4)} ms`,
    `memory ${[before, most, after].map(each => each.toFixed(0).padStart(4)).join(' ')} MB`,
  ]
  say(`${name.padEnd(widest)} ${figures.join('  ')}  ${problems.length === 0 ? 'held' : `${problems.length} PROBLEMS`}`)
  if (plain)
    say(
      `  node:http alone: health p99 ${plain.health.p99.toFixed(0)} ms (${ratio(health.p99, plain.health.p99)}), loop held ${plain.stall.toFixed(0)} ms (${ratio(stall, plain.stall)})`,
    )
  for (const note of notes) say(`  ${note}`)
  for (const problem of problems) say(`  PROBLEM: ${problem}`)
}

async function attackAll(only: readonly string[]): Promise<boolean> {
  const chosen = only.length === 0 ? attacks : attacks.filter(({ name }) => only.includes(name))
  const started = performance.now()
  let held = 0
  const servers = await runAttacks(chosen, result => {
    if (result.problems.length === 0) held += 1
    report(result)
  })
  for (const { server, memory, problems } of servers) {
    say(
      `the ${server} server: ${memory.start.toFixed(0)} MB at its start, ${memory.end.toFixed(0)} MB after a minute of rest`,
    )
    for (const problem of problems) say(`  PROBLEM: ${problem}`)
  }
  const broken = chosen.length - held + servers.filter(({ problems }) => problems.length > 0).length
  const passed = held + servers.filter(({ problems }) => problems.length === 0).length
  const seconds = Math.round((performance.now() - started) / 1000)
  say(`${passed} checks held and ${broken} did not, in ${seconds} s`)
  say(JSON.stringify({ passed, failed: broken, seconds }))
  return broken === 0
}

const unknown = values.only.find(name => attacks.every(attack => attack.name !== name))
if (unknown !== undefined) command.refuse(`--only ${unknown}: no attack has this name, --list shows them`)
if (values.help) {
  say(usage)
  say(
    'Attacks servers of its own, and says what stalled, grew or got in. --only runs some of the attacks, --list shows them all.',
  )
} else if (values.list) listAttacks()
else if (!(await attackAll(values.only))) process.exitCode = 1
