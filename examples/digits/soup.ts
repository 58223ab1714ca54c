import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { fileBlob, saveDownload } from '../../client/files.ts'
import { createClient, resultOf, type TureenClient } from '../../client/index.ts'
import type { SearchResult } from '../../schemas/search.ts'
import { commandLine } from '../../src/command-line.ts'
import { progressBar } from './progress-bar.ts'
import { startServer } from './service.ts'

/**
 * The digits fine-tunes over HTTP, as a pipeline would do it: starts a server with a data directory of its own, uploads models
 * and data sets, searches for the best soup, downloads it to examples/digits/out and stops the server.
 */
commandLine('usage: npm run example').parse({ options: {} })
const here = fileURLToPath(new URL('.', import.meta.url))
const out = join(here, 'out')
const fineTunes = Array.from({ length: 8 }, (_, index) => `ft${index}`)

const say = (line: string) => void process.stdout.write(`${line}\n`)

async function upload(client: TureenClient, name: string): Promise<string> {
  const file = await fileBlob(join(here, `${name}.onnx`))
  return (await client.createModel({ file, name, labels: { example: 'digits' } })).id
}

async function uploadDataset(client: TureenClient, name: string): Promise<string> {
  const { id, samples, arrays } = await client.createDataset({ file: await fileBlob(join(here, `${name}.npz`)), name })
  say(`  ${name}: ${samples} samples of ${arrays.map(array => `${array.name} ${array.dtype}`).join(', ')}`)
  return id
}

type SearchBody = Omit<Parameters<TureenClient['createSearch']>[0], 'strategy'>

/** Searches, shows how it goes, and keeps a copy of the soup in examples/digits/out. */
async function search(client: TureenClient, type: 'greedy' | 'exhaustive', body: SearchBody): Promise<SearchResult> {
  const job = await client.createSearch({ ...body, strategy: { type }, name: type })
  const bar = progressBar(type.padEnd(10))
  const result = resultOf(await client.wait(job, { onProgress: bar.show }))
  bar.end(
    `${result.evaluations} soups scored in ${result.seconds.toFixed(1)} s, the best ${result.winner.score?.toFixed(3)}`,
  )
  if (!result.recommended) throw new Error('the search recommends nothing')
  const { choice, reason, id } = result.recommended
  say(`    recommended: the ${choice === 'winner' ? 'winner' : 'best single model'}; ${reason}`)
  await saveDownload(await client.getModelContent(id), join(out, `${type}.onnx`))
  return result
}

const shown = (score: number | null | undefined) => score?.toFixed(3) ?? '-'

const data = await mkdtemp(join(tmpdir(), 'tureen-example-'))
const { url, stop } = await startServer(data)
const client = createClient({ url })
try {
  await mkdir(out, { recursive: true })
  say(`Tureen serves on ${url}. Eight fine-tunes of one network, and images that none of them has seen:`)
  const ids: string[] = []
  for (const name of fineTunes) ids.push(await upload(client, name))
  const body = {
    models: ids.map(id => ({ id })),
    selection: { dataset: await uploadDataset(client, 'val'), metric: 'accuracy' },
    test: { dataset: await uploadDataset(client, 'test') },
  }
  say('\nSearching which of them to average:')
  const greedy = await search(client, 'greedy', body)
  const exhaustive = await search(client, 'exhaustive', body)

  const namesOf = ({ models }: { models: string[] }) => models.map(id => fineTunes[ids.indexOf(id)]).join(', ')
  const singles = exhaustive.candidates.filter(({ models }) => models.length === 1)
  say('\n| accuracy | val | test |\n|---|---|---|')
  say(`| the eight models, each alone | ${singles.map(({ score }) => shown(score)).join(' ')} | |`)
  say(
    `| best of them: ${namesOf(greedy.bestSingle)} | ${shown(greedy.bestSingle.score)} | ${shown(greedy.test?.bestSingle)} |`,
  )
  say(`| uniform soup of all eight | ${shown(greedy.uniform?.score)} | ${shown(greedy.test?.uniform)} |`)
  for (const [type, { winner, test }] of Object.entries({ greedy, exhaustive }))
    say(`| ${type} soup: ${namesOf(winner)} | ${shown(winner.score)} | ${shown(test?.winner)} |`)
  const contributions = (exhaustive.contributions ?? []).map(
    ({ model, marginal, spoils }) =>
      `${fineTunes[ids.indexOf(model)]} ${marginal >= 0 ? '+' : ''}${shown(marginal)}${spoils ? ' (spoils)' : ''}`,
  )
  say(`\nWhat each model changes in a soup that it joins: ${contributions.join(', ')}.\nThe soups are in ${out}.`)
} finally {
  await stop()
  await rm(data, { recursive: true, force: true })
}
