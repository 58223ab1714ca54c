import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createClient, type TureenClient } from '../../client/index.ts'
import { type SpawnedServer, spawnServer, temporaryDirectory } from '../support/server.ts'
import { expectAccessible, openTab, startBrowser } from './browser.ts'
import { uploadDigits } from './filled-server.ts'

const refused = /net::ERR_|50[23]/

let directory: Awaited<ReturnType<typeof temporaryDirectory>>
let server: SpawnedServer
let browser: Browser
let client: TureenClient
beforeAll(async () => {
  directory = await temporaryDirectory()
  server = await spawnServer(directory.path)
  client = createClient({ url: server.url })
  await uploadDigits(client, 0, 1)
  browser = await startBrowser()
})
afterAll(async () => {
  await browser.close()
  server.process.kill()
  await server.exited
  await directory.remove()
})

/** Starts a search that waits for scores from outside. */
async function waitingSearch(): Promise<string> {
  const { items } = await client.listModels()
  const { id } = await client.createSearch({
    models: items.map(({ id }) => ({ id })),
    strategy: { type: 'exhaustive' },
    selection: { external: { name: 'test', version: String(Math.random()) }, direction: 'max' },
  })
  return id
}

/** Scores one candidate of a search. */
async function scoreOne(job: string, score: number): Promise<void> {
  const { candidates } = await client.createLease(job, { count: 1 }, { wait: 30 })
  const [candidate] = candidates
  if (!candidate) throw new Error('the search offers no candidate')
  await client.putCandidateScore(job, candidate.id, { score })
}

test('a job is watched live to its end, over a restart of the server, and its list too', async () => {
  const job = await waitingSearch()
  const tab = await openTab(browser, server.url, `/page/jobs/${job}`)
  const { page } = tab
  await scoreOne(job, 0.5)
  await page.getByText(/33 %, 1 of 3, best so far 0.5/).waitFor()
  await expectAccessible(page, 'a running job')

  server.process.kill()
  await server.exited
  await page.getByText(/^The server has not answered since/).waitFor()
  await expectAccessible(page, 'a lost connection')
  server = await spawnServer(directory.path, { PORT: new URL(server.url).port })
  await page.getByText('The server answers again.').waitFor()

  await scoreOne(job, 0.75)
  await page.getByText(/66 %, 2 of 3, best so far 0.75/).waitFor()
  const other = await openTab(browser, server.url, '/page/jobs')
  await other.page.getByRole('cell', { name: 'waiting' }).waitFor()
  await scoreOne(job, 0.25)
  await page.getByText('succeeded').waitFor()
  await page.getByRole('cell', { name: 'Winner' }).waitFor()
  await other.page.getByRole('cell', { name: 'succeeded' }).waitFor()
  expect(tab.faults(refused)).toEqual([])
  expect(other.faults()).toEqual([])
  await tab.close()
  await other.close()
})

test('a job is cancelled after a question', async () => {
  const job = await waitingSearch()
  const tab = await openTab(browser, server.url, `/page/jobs/${job}`)
  const { page } = tab
  await page.getByRole('button', { name: 'Cancel this job' }).click()
  await page.getByRole('button', { name: 'Cancel the job' }).click()
  await page.getByText('cancelled', { exact: true }).waitFor()
  await page.getByText('TUREEN_JOB_CANCELLED').waitFor()
  await expectAccessible(page, 'a cancelled job')
  expect(await client.getJob(job)).toMatchObject({ status: 'cancelled' })
  expect(tab.faults()).toEqual([])
  await tab.close()
})

test('an offline moment is said in words, and the view loads again after it', async () => {
  const tab = await openTab(browser, server.url, '/page/models')
  const { page } = tab
  await page.getByRole('link', { name: 'ft0' }).waitFor()
  await page.context().setOffline(true)
  await page.getByRole('link', { name: 'Usage' }).click()
  await page.getByText(/^The server has not answered since/).waitFor()
  await page.context().setOffline(false)
  await page.getByText('The server answers again.').waitFor()
  await page.getByText('Quarantine').waitFor()
  expect(tab.faults(refused)).toEqual([])
  await tab.close()
})
