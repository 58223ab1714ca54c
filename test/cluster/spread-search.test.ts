import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { searchJob } from '../../schemas/job.ts'
import type { SearchResult } from '../../schemas/search.ts'
import { lineData, lineModel } from '../support/line-models.ts'
import { createDatabase } from '../support/postgres.ts'
import { seededRandom } from '../support/random.ts'
import { type S3Server, startS3 } from '../support/s3.ts'
import { repeatable, searchClient } from '../support/search-client.ts'
import { type SpawnedServer, startApp } from '../support/server.ts'
import { killServer, serverGroup } from '../support/server-group.ts'
import { until } from '../support/store-client.ts'

const servers = serverGroup()

/** Milliseconds for steps that start several processes, and for searches of some seconds. */
const patience = 240_000

/** Models of the search, which has a candidate for each subset. */
const models = 6
const candidates = 2 ** models - 1
/** Their number lets a candidate take tens of milliseconds. */
const samples = 2_000

let s3: S3Server
let variables: Record<string, string>
/** The server that runs the searches, and that clients call. */
let first: SpawnedServer
beforeAll(async () => {
  s3 = await startS3()
  const bucket = await s3.createBucket()
  const database = await createDatabase(inject('postgres') ?? '')
  variables = { ...s3.variables, TUREEN_CONTENT: `s3://${bucket}`, TUREEN_DATABASE_URL: database }
  first = await servers.start(await servers.data(), variables)
}, patience)
afterAll(async () => {
  await servers.remove()
  await s3.remove()
})

/** Uploads the models and the data set. @returns a search over them */
async function addSearch(url: string, batchSize: number): Promise<{ ids: string[]; request: object }> {
  const { addModel, addDataset } = searchClient(url)
  const random = seededRandom(7)
  const x = () => Array.from({ length: 4 }, () => random.next() - 0.5)
  const ids: string[] = []
  for (let index = 0; index < models; index += 1) ids.push(await addModel(lineModel(...x()), `line ${index}`))
  const data = Array.from({ length: samples }, () => ({ x: x(), target: random.next() }))
  const { id: dataset } = await addDataset(lineData(data))
  const selection = { dataset, metric: 'mse', target: 'target', batchSize }
  return { ids, request: { models: ids.map(id => ({ id })), strategy: { type: 'exhaustive' }, selection } }
}

const jobAt = async (url: string, id: string, query = '') =>
  searchJob.parse(await (await fetch(`${url}/v1/jobs/${id}${query}`)).json())

async function startSearch(url: string, request: object): Promise<string> {
  const answer = await searchClient(url).post('/v1/searches', request)
  return searchJob.parse(await answer.json()).id
}

/** Returns the result of a search once it has ended. */
async function resultOf(url: string, id: string): Promise<SearchResult> {
  const hasEnded = async () => (await jobAt(url, id, '?wait=10')).finishedAt !== null
  await until('the search has ended', hasEnded, patience)
  const { result, error } = await jobAt(url, id)
  if (!result) throw new Error(`the search failed: ${JSON.stringify(error)}`)
  return result
}

/** Returns the result that one server alone finds, with other ids of the models. */
async function foundAlone(batchSize: number, ids: readonly string[]): Promise<object> {
  const { url, close } = await startApp()
  try {
    const alone = await addSearch(url, batchSize)
    const result = repeatable(await resultOf(url, await startSearch(url, alone.request)))
    const renamed = JSON.stringify(result).replace(/[0-9a-f-]{36}/g, id => ids[alone.ids.indexOf(id)] ?? id)
    return JSON.parse(renamed)
  } finally {
    await close()
  }
}

/** Candidates that a server has scored for others. */
async function helpedBy({ url }: SpawnedServer): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text()
  return Number(/^tureen_helped_candidates_total (\d+)$/m.exec(text)?.[1])
}

/** Starts a search on the first server, although a second one could run it, too. */
async function startOnFirst(request: object, second: SpawnedServer): Promise<string> {
  second.process.kill('SIGSTOP')
  const id = await startSearch(first.url, request)
  await until('the first server runs the search', async () => (await jobAt(first.url, id)).status === 'running')
  second.process.kill('SIGCONT')
  return id
}

test(
  'a search uses two workers, and finds the same numbers and bytes as one server alone',
  async () => {
    const worker = await servers.start(await servers.data(), { ...variables, TUREEN_ROLE: 'worker' })
    const { ids, request } = await addSearch(first.url, 1)
    const id = await startOnFirst(request, worker)
    const result = await resultOf(first.url, id)
    const helped = await helpedBy(worker)
    expect(result.candidates).toHaveLength(candidates)
    expect(helped).toBeGreaterThan(0)
    expect(helped).toBeLessThan(candidates)
    expect(result.candidates.every(({ cached }) => !cached)).toBe(true)
    expect(repeatable(result)).toEqual(await foundAlone(1, ids))
    expect(await helpedBy(first)).toBe(0)
    await killServer(worker)
  },
  patience,
)

test(
  'the death of a worker that scores candidates changes nothing about the result',
  async () => {
    const worker = await servers.start(await servers.data(), { ...variables, TUREEN_ROLE: 'worker' })
    const { ids, request } = await addSearch(first.url, 2)
    const id = await startOnFirst(request, worker)
    await until('the worker helps', async () => (await helpedBy(worker)) > 0)
    const { progress } = await jobAt(first.url, id)
    await killServer(worker)
    expect(progress?.done ?? 0).toBeLessThan(candidates)
    const result = await resultOf(first.url, id)
    expect(repeatable(result)).toEqual(await foundAlone(2, ids))
  },
  patience,
)
