import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import {
  digitSearches,
  expectSame,
  killOneOfTwo,
  patience,
  resultOf,
  startExternal,
} from '../support/external-digits.ts'
import { createDatabase } from '../support/postgres.ts'
import { type S3Server, startS3 } from '../support/s3.ts'
import { candidatesOf, startDigitScorer } from '../support/scorer-process.ts'
import { searchClient } from '../support/search-client.ts'
import { evaluating, type SpawnedServer } from '../support/server.ts'
import { killServer, serverGroup } from '../support/server-group.ts'
import { until } from '../support/store-client.ts'

const servers = serverGroup()

let s3: S3Server
let first: SpawnedServer
let second: SpawnedServer
let digits: { ids: string[]; val: string; test: string }
beforeAll(async () => {
  s3 = await startS3()
  const bucket = await s3.createBucket()
  const database = await createDatabase(inject('postgres') ?? '')
  const content = { TUREEN_CONTENT: `s3://${bucket}`, TUREEN_DATABASE_URL: database }
  const variables = { ...s3.variables, ...evaluating, ...content }
  first = await servers.start(await servers.data(), variables)
  second = await servers.start(await servers.data(), variables)
  digits = await searchClient(first.url).addDigits()
}, patience)
afterAll(async () => {
  await servers.remove()
  await s3.remove()
})

/** The URL that a job has on the other server. */
const elsewhere = (job: string) => job.replace(first.url, second.url)

test(
  'two scorers at two servers share a search; one is killed, and only candidates that it held are scored by the other one too',
  async () => {
    const { internal, external } = digitSearches(digits, 'accuracy')
    const job = await startExternal(first.url, external)
    const held = await killOneOfTwo([job, elsewhere(job)])
    const result = await resultOf(job)
    const twice = (await candidatesOf(elsewhere(job))).filter(({ attempts }) => attempts !== 1)
    expect(twice.map(({ id, attempts }) => ({ id, attempts }))).toEqual(held.map(id => ({ id, attempts: 2 })))
    expectSame(result, await searchClient(second.url).find(internal))
  },
  patience,
)

test(
  'a server dies while scorers work through the other one, and the search ends with the same result',
  async () => {
    const { internal, external } = digitSearches(digits, 'accuracy-until-death')
    const expected = await searchClient(second.url).find(internal)
    const job = elsewhere(await startExternal(first.url, external))
    const scorer = startDigitScorer(job)
    await until('some candidates are scored', async () =>
      (await candidatesOf(job)).some(each => each.state === 'scored'),
    )
    await killServer(first)
    expectSame(await resultOf(job), expected)
    expect(await scorer.exited).toBe(0)
    expect((await candidatesOf(job)).every(({ attempts }) => attempts === 1)).toBe(true)
  },
  patience,
)
