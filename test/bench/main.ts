import { mkdtempSync, rmSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { loadavg, tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { commandLine } from '../../src/command-line.ts'
import { projectRoot } from '../support/server.ts'
import { clusterBench } from './cluster.ts'
import { commandBench } from './command.ts'
import { evaluatorBench } from './evaluator.ts'
import { externalFilesBench } from './external-files.ts'
import { type Bench, measure, type Row } from './harness.ts'
import { httpBench } from './http.ts'
import { machineLine, thisMachine } from './machine.ts'
import { mergeBench } from './merge.ts'
import { methodsBench } from './methods.ts'
import { markdown } from './report.ts'
import { searchBench } from './search.ts'

/**
 * npm run bench [-- [--runs N] [--out FILE] [ROW or GROUP ...]]
 *
 * The only place that says how fast Tureen is: side by side with something else, in one run. A markdown table goes to stdout,
 * every single measurement to a JSON file. What a baseline needs and the machine lacks is a row that says so.
 */
const benches: readonly Bench[] = [
  mergeBench,
  methodsBench,
  httpBench,
  externalFilesBench,
  evaluatorBench,
  searchBench,
  clusterBench,
  commandBench,
]

const command = commandLine(`usage: npm run bench -- [--runs N] [--out FILE] [ROW or GROUP ...]
  groups: ${benches.map(({ name }) => name).join(', ')}`)
const { values, positionals: chosen } = command.parse({
  allowPositionals: true,
  options: {
    runs: { type: 'string' },
    out: { type: 'string', default: join(projectRoot, 'node_modules/.cache/bench.json') },
  },
})
const runs = command.wholeNumber('runs', values.runs, 1, 5)
const groups = benches.map(({ name }) => name)
for (const choice of chosen)
  if (!groups.some(name => name.startsWith(choice.split('/')[0] ?? '')))
    command.refuse(`No row or group is called ${choice}`)

const isChosen = (row: string) => chosen.length === 0 || chosen.some(choice => row.startsWith(choice))
const mayHave = ({ name }: Bench) =>
  chosen.length === 0 || chosen.some(choice => name.startsWith(choice.split('/')[0] ?? ''))
const say = (text: string) => void process.stdout.write(`${text}\n`)
/** How it goes is no part of the table. */
const tell = (text: string) => void process.stderr.write(`${text}\n`)

const workspace = mkdtempSync(join(tmpdir(), 'tureen-bench-'))
const interruption = new AbortController()
process.once('exit', () => rmSync(workspace, { recursive: true, force: true, maxRetries: 3 }))
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    interruption.abort()
    process.exit(130)
  })
}

const machine = thisMachine()
const loadBefore = loadavg()
const rows: Row[] = []
const remarks = [`machine: ${machineLine(machine)}; other machines have other ratios`]
for (const bench of benches.filter(mayHave)) {
  const { about, comparisons, findings } = await bench.open(workspace, interruption.signal)
  const measured = await measure(
    comparisons.filter(({ row }) => isChosen(row)),
    runs,
    (round, { name }, { seconds }) => tell(`${bench.name} ${round + 1}/${runs}: ${seconds.toFixed(3)} s ${name}`),
  )
  if (measured.length === 0) continue
  rows.push(...measured)
  remarks.push(...about, ...findings())
}
if (rows.length === 0) command.refuse(`No row is called ${chosen.join(' or ')}`)

const loadAfter = loadavg()
const [before, after] = [loadBefore, loadAfter].map(([minute = 0]) => minute.toFixed(2))
remarks.push(
  `load average of the last minute: ${before} before, ${after} after; at rest before it is about 0, else figures scatter`,
)
const out = resolve(values.out)
await mkdir(dirname(out), { recursive: true })
const record = {
  at: new Date().toISOString(),
  machine,
  load: { before: loadBefore, after: loadAfter },
  runs,
  rows,
  remarks,
}
await writeFile(out, `${JSON.stringify(record, null, 2)}\n`)
say(markdown(rows))
say(remarks.map(remark => `- ${remark}`).join('\n'))
say(`- every measurement: ${out}`)
// What a bench has left running, such as a server that all of its rows share.
interruption.abort()
