import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { bytesText, countText, numberText } from '../../page/numbers.ts'
import { startApp } from '../support/server.ts'
import { expectAccessible, openTab, settled, startBrowser, type Tab } from './browser.ts'
import { type Filled, fillServer } from './filled-server.ts'

let app: Awaited<ReturnType<typeof startApp>>
let browser: Browser
let filled: Filled
beforeAll(async () => {
  app = await startApp({ TUREEN_PUBLIC_PATH: '/behind/a-proxy' })
  app.url += '/behind/a-proxy'
  filled = await fillServer(app.url)
  browser = await startBrowser()
})
afterAll(async () => {
  await browser.close()
  await app.close()
})

/** Every view: its address, and a text that it must have. */
const views: readonly [name: string, path: () => string, text: RegExp][] = [
  ['the models', () => '/page/models', /ft0/],
  ['no models', () => '/page/models?name=none', /No model has all of this/],
  ['an uploaded model', () => `/page/models/${filled.models[0]}`, /The model was uploaded/],
  ['a soup', () => `/page/models/${filled.soup}`, /Merge method linear/],
  ['the form of a soup', () => `/page/soup?model=${filled.models[0]}&model=${filled.models[1]}`, /Merge method/],
  ['the jobs', () => '/page/jobs', /^comparison \S{6}/],
  ['a merge', () => `/page/jobs/${filled.merge}`, /Averaged tensors/],
  ['a comparison', () => `/page/jobs/${filled.comparison}`, /Relative distance/],
  ['an evaluation', () => `/page/jobs/${filled.evaluation}`, /accuracy/],
  ['a search', () => `/page/jobs/${filled.search}`, /Best single model/],
  ['the data sets', () => '/page/datasets', /val/],
  ['a data set', () => `/page/datasets/${filled.dataset}`, /NumPy arrays/],
  ['the usage', () => '/page/usage', /Isolation of models/],
]

const screens = [
  ['a wide screen in light colours', { viewport: { width: 2560, height: 1200 }, colorScheme: 'light' }],
  ['a phone of 380 pixels in dark colours', { viewport: { width: 380, height: 800 }, colorScheme: 'dark' }],
] as const

describe.each(screens)('on %s', (_, options) => {
  let tab: Tab
  beforeAll(async () => {
    tab = await openTab(browser, app.url, '/page/usage', options)
  })
  afterAll(() => tab.close())

  test.each(views)('%s are readable, accessible and as their address says', async (name, path, text) => {
    const { page } = tab
    await page.goto(app.url + path())
    await page.locator('main').getByText(text).first().waitFor()
    await settled(page)
    await expectAccessible(page, name)
    const overflow = await page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth')
    expect(overflow, 'the page scrolls sideways').toBe(0)
    expect(tab.faults()).toEqual([])
  })
})

/** Returns the cells of each row of a table, by its first cell. */
async function rowsOf(page: Page, caption: string): Promise<Map<string, string[]>> {
  const texts = await page
    .getByRole('region', { name: caption })
    .locator('tbody tr')
    .evaluateAll(rows => rows.map(row => [...row.children].map(cell => (cell.textContent ?? '').trim())))
  return new Map(texts.map(cells => [cells[0] ?? '', cells]))
}

/** Returns the values of a list of facts, by their names. */
async function factsOf(page: Page): Promise<Map<string, string>> {
  const pairs = await page
    .locator('.facts > div')
    .evaluateAll(rows =>
      rows.map(row => [row.children[0]?.textContent ?? '', (row.children[1]?.textContent ?? '').trim()] as const),
    )
  return new Map(pairs)
}

test.each([
  ['model', () => `/page/models/${filled.models[2]}`, () => filled.client.getModel(filled.models[2] ?? '')],
  ['data set', () => `/page/datasets/${filled.dataset}`, () => filled.client.getDataset(filled.dataset)],
])('a %s is renamed and labelled', async (_, path, read) => {
  const before = await read()
  const tab = await openTab(browser, app.url, path())
  const { page } = tab
  await page.getByRole('button', { name: 'Rename or label' }).click()
  await page.getByRole('textbox', { name: 'Name' }).fill('a new name')
  await page.getByRole('button', { name: 'Add a label' }).click()
  await page.getByRole('textbox', { name: 'Key of label' }).last().fill('stage')
  await page.getByRole('textbox', { name: 'Value' }).last().fill('ü "kept"')
  await expectAccessible(page, 'the form')
  await page.getByRole('button', { name: 'Save' }).click()
  await page.getByRole('heading', { name: 'a new name' }).waitFor()
  const labels = { ...before.labels, stage: 'ü "kept"' }
  expect(await read()).toMatchObject({ name: 'a new name', labels })

  await page.getByRole('button', { name: 'Rename or label' }).click()
  await page.getByRole('textbox', { name: 'Name' }).fill(before.name ?? '')
  await page.getByRole('button', { name: 'Remove the label stage' }).click()
  await page.getByRole('button', { name: 'Save' }).click()
  await page.getByRole('heading', { name: before.name ?? '' }).waitFor()
  expect(await read()).toEqual(before)
  expect(tab.faults()).toEqual([])
  await tab.close()
})

describe('numbers are those of the API', () => {
  let tab: Tab
  beforeAll(async () => {
    tab = await openTab(browser, app.url, '/page/usage')
  })
  afterAll(() => tab.close())

  test('of models', async () => {
    await tab.page.goto(`${app.url}/page/models`)
    await tab.page.getByRole('link', { name: 'ft0' }).waitFor()
    const shown = await tab.page
      .locator('tbody tr')
      .evaluateAll(rows => rows.map(row => [...row.children].slice(2, 7).map(cell => (cell.textContent ?? '').trim())))
    const { items } = await filled.client.listModels()
    const expected = items.map(item => {
      if ('unreadable' in item) throw new Error('a record is damaged')
      const { parameters, bytes, fingerprint, lineage } = item
      const made = lineage ? `${lineage.method} of ${lineage.inputs.length}` : 'upload'
      return [countText(parameters), bytesText(bytes), 'float32', (fingerprint ?? '').slice(7, 15), made]
    })
    expect(shown).toEqual(expected)
    // The formats themselves.
    expect([bytesText(999), bytesText(1000), bytesText(158_736), bytesText(2.5e9)]).toEqual([
      '999 bytes',
      '1.00 kB',
      '159 kB',
      '2.50 GB',
    ])
    expect([numberText(0.123456789), numberText(null), countText(39306)]).toEqual(['0.123457', '–', '39,306'])
  })

  test('of tensors, in the order of the file', async () => {
    await tab.page.goto(`${app.url}/page/models/${filled.soup}`)
    await tab.page.getByRole('region', { name: 'Tensors' }).waitFor()
    const shown = [...(await rowsOf(tab.page, 'Tensors')).values()]
    const { items } = await filled.client.listModelTensors(filled.soup)
    expect(shown).toEqual(
      items.map(({ name, dtype, dims, bytes, storage }) => [
        name,
        dtype,
        dims.join(' × ') || 'scalar',
        bytesText(bytes),
        storage,
      ]),
    )
  })

  test('of a comparison', async () => {
    await tab.page.goto(`${app.url}/page/jobs/${filled.comparison}`)
    await tab.page.getByRole('region', { name: 'Pairs of models' }).waitFor()
    const shown = await tab.page
      .getByRole('region', { name: 'Pairs of models' })
      .locator('tbody tr')
      .evaluateAll(rows => rows.map(row => [...row.children].map(cell => cell.textContent ?? '')))
    const job = await filled.client.wait({ id: filled.comparison, type: 'comparison' })
    const names = new Map(filled.models.map((id, index) => [id, ['ft0', 'ft1', 'ft3'][index]]))
    expect(shown).toEqual(
      job.result?.pairs.map(({ a, b, cosine, relativeDistance, totals }) => [
        names.get(a),
        names.get(b),
        'possible',
        numberText(cosine),
        numberText(relativeDistance),
        countText(totals.tensors),
        countText(totals.identical),
      ]),
    )
  })

  test('of an evaluation, which the model shows too', async () => {
    const { result } = await filled.client.wait({ id: filled.evaluation, type: 'evaluation' })
    const accuracy = numberText(result?.metrics['accuracy'])
    expect(accuracy).toMatch(/^0\.\d+$/)
    await tab.page.goto(`${app.url}/page/jobs/${filled.evaluation}`)
    await tab.page.getByRole('region', { name: 'Scores' }).waitFor()
    expect((await rowsOf(tab.page, 'Scores')).get('accuracy')).toEqual(['accuracy', accuracy])
    await tab.page.goto(`${app.url}/page/models/${filled.models[0]}`)
    await tab.page.getByRole('region', { name: 'Scores' }).waitFor()
    expect((await rowsOf(tab.page, 'Scores')).get('val')?.slice(1, 4)).toEqual([
      'accuracy',
      accuracy,
      countText(result?.samples ?? 0),
    ])
  })

  test('of a search', async () => {
    const { result } = await filled.client.wait({ id: filled.search, type: 'search' })
    await tab.page.goto(`${app.url}/page/jobs/${filled.search}`)
    await tab.page.getByRole('region', { name: 'Scores' }).waitFor()
    const rows = await rowsOf(tab.page, 'Scores')
    expect(rows.get('Winner')?.[1]).toBe(numberText(result?.winner.score))
    expect(rows.get('Best single model')?.[1]).toBe(numberText(result?.bestSingle.score))
    expect(rows.get('Mean of all')?.[1]).toBe(numberText(result?.uniform?.score))
    expect((await factsOf(tab.page)).get('Scored soups')).toBe(countText(result?.evaluations ?? 0))
  })

  test('of the usage', async () => {
    await tab.page.goto(`${app.url}/page/usage`)
    await tab.page.getByText('Quarantine').waitFor()
    const facts = await factsOf(tab.page)
    const { models, datasets, jobs, limits } = await filled.client.getUsage()
    expect(facts.get('Models')).toBe(`${models?.records} (${bytesText(models?.bytes ?? 0)})`)
    expect(facts.get('Data sets')).toBe(`${datasets?.records} (${bytesText(datasets?.bytes ?? 0)})`)
    expect(facts.get('succeeded')).toBe(String(jobs?.succeeded))
    expect(facts.get('One upload')).toBe(bytesText(limits.uploadBytes))
  })
})

test('filters, pages and a family are addresses, which a reload and the way back restore', async () => {
  const tab = await openTab(browser, app.url, '/page/models')
  const { page } = tab
  await page.getByLabel('Name').fill('ft1')
  await page.getByLabel('Name').press('Enter')
  await page.getByRole('link', { name: 'ft0' }).waitFor({ state: 'detached' })
  expect(new URL(page.url()).search).toBe('?name=ft1')
  await page.reload()
  await page.getByRole('link', { name: 'ft1' }).waitFor()
  expect(await page.locator('tbody tr').count()).toBe(1)
  expect(await page.getByLabel('Name').inputValue()).toBe('ft1')
  await page.goBack()
  await page.getByRole('link', { name: 'ft0' }).waitFor()
  await page.getByLabel('Label').fill('run:42')
  await page.getByRole('button', { name: 'Filter' }).click()
  await page.getByRole('link', { name: 'mean' }).waitFor({ state: 'detached' })
  await page.getByRole('link', { name: 'ft0' }).waitFor()
  expect(await page.locator('tbody tr').count()).toBe(3)
  await page.getByRole('button', { name: 'Clear filters' }).click()
  await page.getByRole('link', { name: 'mean' }).waitFor()
  await page.getByLabel('Order').selectOption('Z to A')
  await page.getByRole('button', { name: 'Filter', exact: true }).click()
  await page.locator('tbody tr', { hasText: 'mean' }).and(page.locator('tr:first-child')).waitFor()
  expect(new URL(page.url()).search).toBe('?sort=-name')
  const shown = await page.locator('tbody tr td:nth-child(2) a').allTextContents()
  const { items } = await filled.client.listModels({ sort: '-name' })
  expect(shown).toEqual(items.map(({ id, name }) => name ?? id))
  expect(tab.faults()).toEqual([])
  await tab.close()
})

test('an address that names nothing says so', async () => {
  const tab = await openTab(browser, app.url, '/page/models/none')
  const notice = tab.page.getByRole('alert')
  expect(await notice.textContent()).toContain('TUREEN_NOT_FOUND')
  await expectAccessible(tab.page, 'a model that is not there')
  expect(tab.faults(/404/)).toEqual([])
  await tab.close()
})
