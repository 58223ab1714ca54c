import { join } from 'node:path'
import pino from 'pino'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ComparisonResult } from '../../schemas/comparison.ts'
import { createJobs, type Jobs } from '../../src/composition/jobs.ts'
import { ResultText } from '../../src/jobs/job-results.ts'
import type { RunnableJobTypes } from '../../src/jobs/job-runner.ts'
import { jsonPieces } from '../../src/json-pieces.ts'
import { type Catalog, openCatalog } from '../../src/storage/database.ts'
import { jsonBytes, textOf } from '../../src/threads/text-pieces.ts'
import { watchLoop } from '../support/processor-time.ts'
import { temporaryDirectory } from '../support/server.ts'

let directory: Awaited<ReturnType<typeof temporaryDirectory>>
let catalog: Catalog
let jobs: Jobs
const closing = new AbortController()
let result: ComparisonResult
/** True if the runner ends with the text of the result, as a comparison does. */
let isText = false

/** A comparison of so many tensors. */
function comparison(tensors: number): ComparisonResult {
  const tensor = (index: number) => ({
    a: `layers.${index}.weight`,
    b: `layers.${index}.weight — 🍲`,
    dtype: 'float32',
    dims: [index, 3],
    averaged: true,
    identical: false,
    cosine: 1 / (index + 1),
    relativeDistance: null,
    nonFinite: null,
  })
  const pair = {
    a: 'a',
    b: 'b',
    compatible: true,
    reasons: [],
    cosine: 1,
    relativeDistance: 0,
    totals: { tensors, identical: 0, averaged: tensors, nonFinite: { a: 0, b: 0 } },
    warnings: [],
    tensors: Array.from({ length: tensors }, (_, index) => tensor(index)),
    omitted: 0,
  }
  return { pairs: [pair], warnings: [] }
}

beforeAll(async () => {
  directory = await temporaryDirectory()
  catalog = await openCatalog(join(directory.path, 'catalog.sqlite'))
  const unused = {
    async runner() {
      throw new TypeError('nothing but comparisons is started here')
    },
  }
  const types: RunnableJobTypes = {
    merge: unused,
    evaluation: unused,
    search: unused,
    export: unused,
    conversion: unused,
    comparison: {
      runner: async (_, { succeed }) =>
        succeed(async () => (isText ? new ResultText(textOf(jsonBytes(result))) : result)),
    },
  }
  const reserve = { renew: async () => undefined, lend: <Value>(use: () => Promise<Value>) => use() }
  const limits = { concurrency: 1, maximumQueued: 10, ttl: null }
  const observer = { jobEnded() {}, jobCutOff() {} }
  jobs = createJobs(
    { catalog, notifications: null, reserve },
    types,
    pino({ level: 'silent' }),
    limits,
    observer,
    closing.signal,
  )
  await jobs.executor.start()
})
afterAll(async () => {
  closing.abort()
  await jobs.executor.close()
  await catalog.destroy()
  await directory.remove()
})

async function ended(wanted: ComparisonResult): Promise<string> {
  result = wanted
  const request = { models: [{ id: 'a' }, { id: 'b' }], rules: [], labels: {} }
  const { id } = await jobs.commands.create({ type: 'comparison', request, labels: {}, inputIds: [] })
  const { job } = await jobs.queries.wait(id, 60, new AbortController().signal)
  expect(job.status).toBe('succeeded')
  return id
}

async function piecesOf(id: string): Promise<string[]> {
  const pieces: string[] = []
  for await (const piece of jobs.queries.text(await jobs.queries.get(id))) pieces.push(piece)
  return pieces
}

const parts = (id: string) => catalog.selectFrom('job_result_parts').selectAll().where('job_id', '=', id).execute()

test('a small result has one part, and is read with its job', async () => {
  const id = await ended(comparison(10))
  expect(await parts(id)).toEqual([{ job_id: id, part: 0, text: JSON.stringify(result) }])
  expect((await jobs.queries.get(id)).job).toMatchObject({ result })
  expect(await piecesOf(id)).toHaveLength(1)
})

describe('a result of more than 1 MB', () => {
  test('is kept in parts, and read piece by piece', async () => {
    const id = await ended(comparison(20_000))
    const stored = await jobs.queries.get(id)
    expect(stored.job).not.toHaveProperty('result')
    expect(stored.resultParts).toBeGreaterThan(4)
    const pieces = await piecesOf(id)
    for (const piece of pieces) expect(piece.length).toBeLessThan(260_000)
    expect(JSON.parse(pieces.join(''))).toEqual({ ...stored.job, result })
  })

  test('is gone with its job', async () => {
    const id = await ended(comparison(20_000))
    expect((await parts(id)).length).toBeGreaterThan(4)
    await jobs.commands.remove(id, () => undefined)
    expect(await parts(id)).toEqual([])
  })

  test('of 40 MB holds the event loop for no more than 50 ms at a time', async () => {
    const large = comparison(200_000)
    const loop = watchLoop()
    const id = await ended(large)
    let characters = 0
    for await (const piece of jobs.queries.text(await jobs.queries.get(id))) characters += piece.length
    const longest = loop.longest()
    loop.stop()
    expect(characters).toBeGreaterThan(30_000_000)
    expect(longest).toBeLessThan(50)
    await jobs.commands.remove(id, () => undefined)
  })

  test('of which a part is missing is an error that says so', async () => {
    const id = await ended(comparison(20_000))
    await catalog.deleteFrom('job_result_parts').where('job_id', '=', id).where('part', '=', 2).execute()
    await expect(piecesOf(id)).rejects.toMatchObject({ code: 'TUREEN_RECORD_UNREADABLE' })
  })
})

test.each([10, 20_000])(
  'a result that a thread has serialized is kept as the same result: %i tensors',
  async tensors => {
    const contentOf = async (id: string) => {
      const { result } = JSON.parse((await piecesOf(id)).join(''))
      const { resultParts } = await jobs.queries.get(id)
      return { result, resultParts }
    }
    const expected = await contentOf(await ended(comparison(tensors)))
    isText = true
    expect(await contentOf(await ended(comparison(tensors)))).toEqual(expected)
    isText = false
  },
)

describe('the pieces of a text', () => {
  test.each([
    [null],
    [[]],
    [{}],
    ['text'],
    [{ a: undefined, b: [undefined, null, 1.5, true], c: { d: { e: { f: [{ g: ['"\n'] }] } } } }],
    [[[[[[[1, [2]]]]]]]],
    [comparison(50)],
  ])('are together what JSON.stringify makes: %j', value => {
    for (const characters of [1, 100, 1_000_000])
      expect([...jsonPieces(value, characters)].join('')).toBe(JSON.stringify(value))
  })
})
