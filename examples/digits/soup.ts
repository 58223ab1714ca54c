import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { dataset } from '../../schemas/dataset.ts'
import { jobProgress, searchJob } from '../../schemas/job.ts'
import { model } from '../../schemas/model.ts'
import type { SearchResult } from '../../schemas/search.ts'
import { commandLine } from '../../src/command-line.ts'
import { progressBar } from './progress-bar.ts'
import { jobEvents, postJson, request, startServer } from './service.ts'

/**
 * The digits fine-tunes over HTTP, as a pipeline would do it: starts a server with a data directory of its own, uploads models
 * and data sets, searches for the best soup, downloads it to examples/digits/out and stops the server.
 */
commandLine('usage: npm run example').parse({ options: {} })
const here = fileURLToPath(new URL('.', import.meta.url))
const out = join(here, 'out')
const fineTunes = Array.from({ length: 8 }, (_, index) => `ft${index}`)

const say = (line: string) => void process.stdout.write(`${line}\n`)

async function upload(server: string, name: string): Promise<string> {
  const body = await readFile(join(here, `${name}.onnx`))
  const response = await request(`${server}/v1/models?name=${name}&label=example:digits`, { method: 'POST', body })
  return model.parse(await response.json()).id
}

async function uploadDataset(server: string, name: string): Promise<string> {
  const body = await readFile(join(here, `${name}.npz`))
  const response = await request(`${server}/v1/datasets?name=${name}`, { method: 'POST', body })
  const { id, samples, arrays } = dataset.parse(await response.json())
  say(`  ${name}: ${samples} samples of ${arrays.map(array => `${array.name} ${array.dtype}`).join(', ')}`)
  return id
}

/** Searches, shows how it goes, and keeps a copy of the soup in examples/digits/out. */
async function search(server: string, type: 'greedy' | 'exhaustive', body: object): Promise<SearchResult> {
  const response = await postJson(`${server}/v1/searches`, { ...body, strategy: { type }, name: type })
  const { id } = searchJob.parse(await response.json())
  const bar = progressBar(type.padEnd(10))
  for await (const { event, data } of jobEvents(server, id)) {
    if (event === 'progress') bar.show(jobProgress.parse(data))
    if (event !== 'done') continue
    const { status, result, error } = searchJob.parse(data)
    if (!result?.recommended) throw new Error(`the search ${status}: ${error?.detail}`)
    const { choice, reason, id: best } = result.recommended
    bar.end(
      `${result.evaluations} soups scored in ${result.seconds.toFixed(1)} s, the best ${result.winner.score?.toFixed(3)}`,
    )
    say(`    recommended: the ${choice === 'winner' ? 'winner' : 'best single model'}; ${reason}`)
    const content = await request(`${server}/v1/models/${best}/content`)
    await writeFile(join(out, `${type}.onnx`), Buffer.from(await content.arrayBuffer()))
    return result
  }
  throw new Error('the server ended before the search')
}

const shown = (score: number | null | undefined) => score?.toFixed(3) ?? '-'

const data = await mkdtemp(join(tmpdir(), 'tureen-example-'))
const { url, stop } = await startServer(data)
try {
  await mkdir(out, { recursive: true })
  say(`Tureen serves on ${url}. Eight fine-tunes of one network, and images that none of them has seen:`)
  const ids: string[] = []
  for (const name of fineTunes) ids.push(await upload(url, name))
  const body = {
    models: ids.map(id => ({ id })),
    selection: { dataset: await uploadDataset(url, 'val'), metric: 'accuracy' },
    test: { dataset: await uploadDataset(url, 'test') },
  }
  say('\nSearching which of them to average:')
  const greedy = await search(url, 'greedy', body)
  const exhaustive = await search(url, 'exhaustive', body)

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
