import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { resultOf } from '../../client/index.ts'
import { searchJob } from '../../schemas/job.ts'
import type { SearchResult } from '../../schemas/search.ts'
import { commandLine } from '../../src/command-line.ts'

/**
 * The digits fine-tunes on the command line: two commands search for the best soup, each in its own way. Prints the commands as a user types
 * them, and the scores of both in one table. The soups are left in examples/digits/out.
 */
commandLine('usage: npm run example').parse({ options: {} })
const here = fileURLToPath(new URL('.', import.meta.url))
const root = join(here, '../..')
const fineTunes = Array.from({ length: 8 }, (_, index) => `ft${index}`)

const say = (line: string) => void process.stdout.write(`${line}\n`)

/** Runs `tureen` in the directory of the example. @returns what it writes on standard output */
async function tureen(...parameters: string[]): Promise<string> {
  say(`\n$ tureen ${parameters.join(' ')}`)
  // Whatever else is configured: the example needs no server. The compile cache has what npm ci has compiled.
  const env = { ...process.env, TUREEN_URL: '', NODE_COMPILE_CACHE: join(root, 'node_modules/.cache/compile') }
  const program = ['--max-semi-space-size=1', join(root, 'src/tureen.ts'), ...parameters]
  const child = spawn(process.execPath, program, { cwd: here, env, stdio: ['ignore', 'pipe', 'inherit'] })
  const [[code], stdout] = await Promise.all([once(child, 'exit'), text(child.stdout)])
  // The command has said why on standard error.
  if (code !== 0) process.exit(typeof code === 'number' ? code : 1)
  return stdout
}

/** A search that has ended, and the names of its models. */
type Found = SearchResult & { nameOf(id: string): string }

/** Searches with this strategy, and says which model the search recommends. */
async function search(strategy: 'greedy' | 'exhaustive'): Promise<Found> {
  const models = fineTunes.map(name => `${name}.onnx`)
  const data = ['--data', 'val.npz', '--test', 'test.npz']
  const output = ['-o', `out/${strategy}.onnx`, '--force', '--json']
  const document = await tureen('search', ...models, ...data, '--strategy', strategy, ...output)
  const result = resultOf(searchJob.parse(JSON.parse(document)))
  say(`${result.evaluations} soups scored in ${result.seconds.toFixed(1)} s`)
  if (!result.recommended) throw new Error('the search recommends nothing')
  const { choice, reason } = result.recommended
  say(`recommended: the ${choice === 'winner' ? 'winner' : 'best single model'}; ${reason}`)
  const names = new Map(result.models?.map(({ id, name }) => [id, name]))
  return { ...result, nameOf: id => names.get(id) ?? id }
}

const shown = (score: number | null | undefined) => score?.toFixed(3) ?? '-'

await mkdir(join(here, 'out'), { recursive: true })
say('Eight fine-tunes of one network, and images that none of them has seen. Which of the models to average?')
const greedy = await search('greedy')
const exhaustive = await search('exhaustive')

const row = (label: string, score: number | null | undefined, onTest: number | null | undefined) =>
  say(`| ${label} | ${shown(score)} | ${shown(onTest)} |`)
const singles = exhaustive.candidates.filter(({ models }) => models.length === 1)
say('\n| accuracy | val | test |\n|---|---|---|')
say(`| the eight models, each alone | ${singles.map(({ score }) => shown(score)).join(' ')} | |`)
row(
  `best of them: ${greedy.bestSingle.models.map(greedy.nameOf).join(', ')}`,
  greedy.bestSingle.score,
  greedy.test?.bestSingle,
)
row('uniform soup of all eight', greedy.uniform?.score, greedy.test?.uniform)
for (const [type, { winner, test, nameOf }] of Object.entries({ greedy, exhaustive }))
  row(`${type} soup: ${winner.models.map(nameOf).join(', ')}`, winner.score, test?.winner)
const contributions = (exhaustive.contributions ?? []).map(
  ({ model, marginal, spoils }) =>
    `${exhaustive.nameOf(model)} ${marginal >= 0 ? '+' : ''}${shown(marginal)}${spoils ? ' (spoils)' : ''}`,
)
say(`\nWhat each model changes in a soup that it joins: ${contributions.join(', ')}.`)
say(`The soups are in ${join(here, 'out')}.`)
