import { readFile } from 'node:fs/promises'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createClient, type TureenClient } from '../../client/index.ts'
import { countText, numberText } from '../../page/numbers.ts'
import type { SearchResult } from '../../schemas/search.ts'
import { startApp } from '../support/server.ts'
import { expectAccessible, openTab, startBrowser, type Tab } from './browser.ts'
import { blobOf, uploadDigits } from './filled-server.ts'

let app: Awaited<ReturnType<typeof startApp>>
let browser: Browser
let client: TureenClient
let tab: Tab
let page: Page
let models: string[]
let datasets: { val: string; test: string }
const nameOf = (id: string) => `ft${models.indexOf(id)}`

beforeAll(async () => {
  app = await startApp()
  client = createClient({ url: app.url })
  browser = await startBrowser()
  models = await uploadDigits(client, 0, 1, 2)
  const upload = async (name: string) =>
    (await client.createDataset({ file: await blobOf(`examples/digits/${name}.npz`), name })).id
  datasets = { val: await upload('val'), test: await upload('test') }
  tab = await openTab(browser, app.url, '/page/usage')
  page = tab.page
})
afterAll(async () => {
  await tab.close()
  await browser.close()
  await app.close()
})

/** Runs a search to its end. @returns its id and its result */
async function searched(body: Omit<Parameters<TureenClient['createSearch']>[0], 'models'> & { count?: number }) {
  const { count = 3, ...others } = body
  const references = models.slice(0, count).map(id => ({ id }))
  const { id, result, error } = await client.wait(await client.createSearch({ models: references, ...others }))
  if (result === undefined) throw new Error(error?.detail ?? 'the search has no result')
  return { id, result }
}

const byAccuracy = () => ({
  selection: { dataset: datasets.val, metric: 'accuracy' },
  test: { dataset: datasets.test },
})

/** Opens the view of a job, and waits for a chart. */
async function openChart(id: string, title: string): Promise<void> {
  await page.goto(`${app.url}/page/jobs/${id}`)
  await chart(title).locator('canvas').first().waitFor()
}

function chart(title: string) {
  return page.locator('figure.chart').filter({ has: page.locator('figcaption', { hasText: title }) })
}

/** Opens the table of a chart. @returns the cells of its rows */
async function rowsOf(title: string): Promise<string[][]> {
  await chart(title).getByText(`Table: ${title}`).click()
  const rows = chart(title).locator('tbody tr')
  await rows.first().waitFor()
  return rows.evaluateAll(all => all.map(row => [...row.children].map(cell => (cell.textContent ?? '').trim())))
}

/** Scores of the subsets of a search, by the names of their models. */
function scoresOf({ candidates }: SearchResult) {
  return candidates.map(({ models, score }) => ({ names: models.map(nameOf).join(', '), size: models.length, score }))
}

test('a search that the form starts is watched to its end, and its charts have the numbers of the API', async () => {
  await page.goto(`${app.url}/page/search?${models.map(id => `model=${id}`).join('&')}`)
  await page.getByLabel('Search strategy').selectOption('exhaustive')
  await page.getByRole('combobox', { name: 'Data set', exact: true }).selectOption('val')
  await page.getByLabel('Test data set').selectOption('test')
  await expectAccessible(page, 'the form of a search')
  await page.getByRole('button', { name: 'Start the search' }).click()
  await page.getByText('succeeded').waitFor()
  const [summary] = (await client.listJobs({ type: 'search', limit: 1 })).items
  const { result, request } = await client.wait({ id: summary?.id ?? '', type: 'search' })
  if (result === undefined) throw new Error('the search has no result')
  expect(request).toMatchObject({
    strategy: { type: 'exhaustive' },
    selection: { dataset: datasets.val, metric: 'accuracy' },
    test: { dataset: datasets.test },
  })
  await chart('Contribution of each model').locator('canvas').first().waitFor()
  await expectAccessible(page, 'the charts of a search')
  expect(await rowsOf('Contribution of each model')).toEqual(
    result.contributions?.map(({ name, shapley, marginal, spoils }) => [
      name,
      numberText(shapley),
      numberText(marginal),
      spoils ? 'yes' : 'no',
    ]),
  )
  expect(await rowsOf('Score of every candidate against its size')).toEqual(
    scoresOf(result).map(({ names, size, score }, index) => [
      countText(index + 1),
      String(size),
      numberText(score),
      names,
    ]),
  )
  const test = result.test
  const [low = 0, high = 0] = (test?.interval ?? []).map(bound => (test?.bestSingle ?? 0) + bound)
  expect(await rowsOf('Scores on test')).toEqual([
    ['Best single model', numberText(test?.bestSingle), '–'],
    ['Mean of all', numberText(test?.uniform), '–'],
    ['Winner', numberText(test?.winner), `${numberText(low)} to ${numberText(high)}`],
  ])
  const ranked = result.candidates.map(({ score }) => score ?? 0)
  expect(await rowsOf('Scores in the order of the search')).toEqual(
    ranked.map((score, index) => [
      countText(index + 1),
      numberText(score),
      numberText(Math.max(...ranked.slice(0, index + 1))),
    ]),
  )
  await expectAccessible(page, 'the tables of a search')
  expect(tab.faults()).toEqual([])
})

test('the path of a greedy search is that of its candidates', async () => {
  const { id, result } = await searched({ strategy: { type: 'greedy' }, ...byAccuracy() })
  await openChart(id, 'Path of the greedy search')
  const scores = new Map(result.candidates.map(({ models, score }) => [models.map(nameOf).toSorted().join(), score]))
  // Algorithm 1 of Wortsman et al., on the scores that the API lists.
  const order = [0, 1, 2].toSorted((a, b) => (scores.get(`ft${b}`) ?? 0) - (scores.get(`ft${a}`) ?? 0))
  let members = [`ft${order[0]}`]
  let best = scores.get(members.join()) ?? 0
  const expected = [[members[0], numberText(best), 'kept']]
  for (const number of order.slice(1)) {
    const tried = [...members, `ft${number}`].toSorted()
    const score = scores.get(tried.join()) ?? 0
    expected.push([`ft${number}`, numberText(score), score >= best ? 'kept' : 'left out'])
    if (score < best) continue
    members = tried
    best = score
  }
  expect(await rowsOf('Path of the greedy search')).toEqual(expected)
  expect(tab.faults()).toEqual([])
})

test('a sweep is a curve from one model to the other, with its barrier in words', async () => {
  const { id, result } = await searched({ count: 2, strategy: { type: 'sweep', steps: 5 }, ...byAccuracy() })
  await openChart(id, 'Scores along the sweep')
  const at = (alpha: number) =>
    result.candidates.find(({ models: members, weights }) =>
      alpha === 0 || alpha === 1
        ? members.length === 1 && members[0] === models[alpha]
        : members.length === 2 && weights[1] === alpha,
    )?.score
  expect(await rowsOf('Scores along the sweep')).toEqual(
    [0, 0.25, 0.5, 0.75, 1].map(alpha => [numberText(alpha), numberText(at(alpha))]),
  )
  const words = await chart('Scores along the sweep').locator('p').first().textContent()
  expect(words).toContain(
    result.barrier?.value === 0 ? 'There is no barrier' : `The barrier is ${numberText(result.barrier?.value)}`,
  )
  expect(tab.faults()).toEqual([])
})

test('CMA-ES shows the weights of each candidate', async () => {
  const { id, result } = await searched({ strategy: { type: 'cmaEs', generations: 2 }, ...byAccuracy() })
  await openChart(id, 'Weights of the candidates')
  expect(await rowsOf('Weights of the candidates')).toEqual(
    result.candidates.map(({ models: members, weights, score }, index) => [
      countText(index + 1),
      ...models.map(model => numberText(weights[members.indexOf(model)] ?? 0)),
      numberText(score),
    ]),
  )
  expect(tab.faults()).toEqual([])
})

test('a search that runs draws the best score so far, as its events tell', async () => {
  const { id } = await client.createSearch({
    models: models.map(model => ({ id: model })),
    strategy: { type: 'cmaEs', generations: 500, seed: 7 },
    ...byAccuracy(),
  })
  await openChart(id, 'Best score so far')
  const rows = await rowsOf('Best score so far')
  const bests = rows.map(([, best]) => Number(best))
  expect(bests).toEqual(bests.toSorted((a, b) => a - b))
  await client.cancelJob(id)
  await page.getByText('cancelled', { exact: true }).waitFor()
  expect(tab.faults()).toEqual([])
})

describe('a search by several terms', () => {
  test('shows the Pareto front: the candidates that no other one beats', async () => {
    const { id, result } = await searched({
      strategy: { type: 'exhaustive' },
      selection: [
        { dataset: datasets.val, metric: 'accuracy' },
        { dataset: datasets.val, metric: 'crossEntropy' },
        { dataset: datasets.test, metric: 'accuracy' },
      ],
    })
    await openChart(id, 'Pareto front')
    const goods = result.candidates.map(({ scores = [] }) => [scores[0] ?? 0, -(scores[1] ?? 0), scores[2] ?? 0])
    const isBeaten = (own: number[]) =>
      goods.some(
        other =>
          other.every((value, term) => value >= (own[term] ?? 0)) &&
          other.some((value, term) => value > (own[term] ?? 0)),
      )
    await chart('Pareto front').getByLabel('Up').selectOption('accuracy on test')
    await expectAccessible(page, 'a search by terms')
    expect(await rowsOf('Pareto front')).toEqual(
      result.candidates.map(({ models, scores = [] }, index) => [
        countText(index + 1),
        models.map(nameOf).join(', '),
        ...scores.map(numberText),
        isBeaten(goods[index] ?? []) ? 'no' : 'yes',
      ]),
    )
    expect(tab.faults()).toEqual([])
  })
})

/** Returns a safetensors file with zeros under these keys. */
function checkpointOf(size: number, ...keys: string[]): Blob {
  const entries = keys.map((key, index) => {
    const [from, until] = [index * size * 4, (index + 1) * size * 4]
    return [key, { dtype: 'F32', shape: [size], data_offsets: [from, until] }]
  })
  const header = Buffer.from(JSON.stringify(Object.fromEntries(entries)))
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(header.length))
  return new Blob([length, header, Buffer.alloc(size * 4 * keys.length)])
}

describe('a comparison', () => {
  test('is a map of tensors and pairs, by either measure', async () => {
    const { id, result } = await client.wait(
      await client.createComparison({ models: models.map(model => ({ id: model })) }),
    )
    await openChart(id, 'Distance of every tensor in every pair')
    const pairs = result?.pairs ?? []
    const names = [...new Set(pairs.flatMap(({ tensors }) => tensors.map(({ a }) => a)))]
    const expected = (measure: 'cosine' | 'relativeDistance') =>
      names
        .map(name => [
          name,
          ...pairs.map(({ tensors }) => numberText(tensors.find(({ a }) => a === name)?.[measure] ?? null)),
        ])
        .toSorted()
    const title = 'Distance of every tensor in every pair'
    expect((await rowsOf(title)).toSorted()).toEqual(expected('relativeDistance'))
    await page.getByLabel('Measure').selectOption('cosine')
    await expectAccessible(page, 'the map of a comparison')
    const cells = chart(title).locator('tbody tr')
    const shown = await cells.evaluateAll(all => all.map(row => [...row.children].map(cell => cell.textContent ?? '')))
    expect(shown.toSorted()).toEqual(expected('cosine'))
    expect(tab.faults()).toEqual([])
  })

  test('groups the differences that prevent a merge by their kind', async () => {
    const [first, second] = await Promise.all(
      [2, 3].map(size => client.createModel({ file: checkpointOf(size, 'a.weight', 'b.weight', 'c.weight') })),
    )
    const job = await client.wait(
      await client.createComparison({ models: [{ id: first?.id ?? '' }, { id: second?.id ?? '' }] }),
    )
    const reasons = job.result?.pairs[0]?.reasons ?? []
    expect(reasons.length).toBeGreaterThan(2)
    await page.goto(`${app.url}/page/jobs/${job.id}`)
    await page.getByText(`These ${reasons.length} differences prevent a merge:`).waitFor()
    await page.locator('summary', { hasText: ' times: ' }).first().click()
    const shown = await page.locator('main li').allTextContents()
    for (const { message } of reasons) expect(shown.some(text => text.includes(message))).toBe(true)
    await expectAccessible(page, 'grouped differences')
    expect(tab.faults()).toEqual([])
  })
})

describe('a model', () => {
  test('shows the histogram of a tensor, with the numbers of the API', async () => {
    const id = models[0] ?? ''
    await page.goto(`${app.url}/page/models/${id}`)
    const { items } = await client.listModelTensors(id)
    const name = items.find(({ dims }) => dims.length > 1)?.name ?? ''
    await page.getByRole('link', { name, exact: true }).click()
    await chart('Histogram').locator('canvas').first().waitFor()
    await expectAccessible(page, 'a tensor')
    const { min, max, mean, standardDeviation, norm, bins } = await client.getTensorSummary(id, name)
    const edges = bins.map((_, index) => (min ?? 0) + (index * ((max ?? 0) - (min ?? 0))) / 64)
    expect(await rowsOf('Histogram')).toEqual(
      bins.map((count, index) => [numberText(edges[index]), numberText(edges[index + 1] ?? max), countText(count)]),
    )
    const facts = await page
      .getByRole('region', { name: `Tensor ${name}` })
      .locator('dd')
      .allTextContents()
    for (const value of [min, max, mean, standardDeviation, norm]) expect(facts).toContain(numberText(value))
    // The address restores the view.
    await page.reload()
    await chart('Histogram').locator('canvas').first().waitFor()
    expect(tab.faults()).toEqual([])
  })

  test('shows all models that it descends from', async () => {
    const merged = async (name: string, ...ids: string[]) =>
      (await client.wait(await client.createMerge({ models: ids.map(id => ({ id })), name }))).result?.model.id ?? ''
    const [first = '', second = '', third = ''] = models
    const pair = await merged('pair', first, second)
    const soup = await merged('soup of a soup', pair, third)
    await page.goto(`${app.url}/page/models/${soup}`)
    await chart('Lineage').locator('canvas').first().waitFor()
    expect((await rowsOf('Lineage')).toSorted()).toEqual(
      [
        ['ft0', 'pair', '1'],
        ['ft1', 'pair', '1'],
        ['ft2', 'soup of a soup', '1'],
        ['pair', 'soup of a soup', '1'],
      ].toSorted(),
    )
    expect(await chart('Lineage').locator('p').first().textContent()).toContain('goes back 2 generations, to 3 uploads')
    await expectAccessible(page, 'a lineage')
    expect(tab.faults()).toEqual([])
  })
})

test('a chart is saved as SVG, and follows the colour scheme, the width and the wish for stillness', async () => {
  const { id } = await searched({ strategy: { type: 'greedy' }, ...byAccuracy() })
  await openChart(id, 'Scores on test')
  const saving = page.waitForEvent('download')
  await page.getByRole('button', { name: 'Save as SVG: Scores on test' }).click()
  const download = await saving
  expect(download.suggestedFilename()).toBe('scores-on-test.svg')
  const svg = await readFile(await download.path(), 'utf8')
  expect(svg).toMatch(/^<svg /)
  expect(svg).toContain('Best single model')
  const canvas = chart('Scores on test').locator('canvas').first()
  const width = async () => Number(await canvas.evaluate(element => element.clientWidth))
  const wide = await width()
  await page.setViewportSize({ width: 380, height: 800 })
  await expect.poll(width).toBeLessThan(wide)
  const overflow = await page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth')
  expect(overflow).toBe(0)
  await page.emulateMedia({ colorScheme: 'dark', reducedMotion: 'reduce' })
  await canvas.waitFor()
  await expectAccessible(page, 'charts in dark colours on a phone')
  expect(tab.faults()).toEqual([])
})
