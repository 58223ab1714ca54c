import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { costlyBodies } from '../support/costly-bodies.ts'
import { evaluationClient } from '../support/evaluation-client.ts'
import { externalScorer } from '../support/external-scorer.ts'
import { postJson, readProblem } from '../support/http-client.ts'
import { leastStall, mostStallOfOne } from '../support/least-stall.ts'
import { linearModel } from '../support/onnx-model.ts'
import { projectFile } from '../support/server.ts'
import { startWatched, type WatchedServer } from '../support/watched-server.ts'

let server: WatchedServer
let models: [string, string]
let dataset: string
beforeAll(async () => {
  server = await startWatched({ TUREEN_MAX_QUEUED_JOBS: '10' })
  const client = evaluationClient(server.url)
  const digits = await Promise.all([0, 1].map(index => projectFile(`examples/digits/ft${index}.onnx`)))
  const [a = '', b = ''] = await Promise.all(digits.map((bytes, index) => client.addModel(bytes, `ft${index}`)))
  models = [a, b]
  dataset = (await client.addDataset(await projectFile('examples/digits/val.npz'))).id
})
afterAll(() => server.stop())

const routes: Record<string, () => Record<string, unknown>> = {
  '/v1/merges': () => ({ models: models.map(id => ({ id })) }),
  '/v1/comparisons': () => ({ models: models.map(id => ({ id })) }),
  '/v1/evaluations': () => ({ model: models[0], dataset }),
  '/v1/searches': () => ({
    models: models.map(id => ({ id })),
    strategy: { type: 'greedy' },
    selection: { dataset, metric: 'accuracy' },
    budget: { evaluations: 1 },
  }),
  '/v1/jobs/none/cancel': () => ({}),
}

/** Posts each of the costly bodies for a route; those that hold the event loop for too long. */
async function slowBodies(
  request: Record<string, unknown>,
  post: (body: string, type: string) => Promise<Response>,
): Promise<object[]> {
  const slow: object[] = []
  // What is compiled while it runs for the first time is no cost of a body.
  for (let each = 0; each < 20; each += 1) await (await post('{"labels":{"!":""}}', 'application/json')).arrayBuffer()
  for (const [name, body, type = 'application/json'] of costlyBodies(request, { models, dataset })) {
    expect({ name, isLarger: body.length > 1 << 20 }).toEqual({ name, isLarger: false })
    const send = async () => {
      const response = await post(body, type)
      const { byteLength } = await response.arrayBuffer()
      const { status } = response
      expect({ name, status }).toEqual({ name, status: expect.toBeOneOf([200, 202, 400, 404, 413, 415, 422, 429]) })
      // What is refused is told in a few lines.
      if (status >= 400) expect({ name, isLong: byteLength > 32_768 }).toEqual({ name, isLong: false })
    }
    const stall = await leastStall(() => server.longestStall(send))
    if (stall > mostStallOfOne) slow.push({ name, stall })
  }
  return slow
}

describe('the event loop is held for at most 50 ms whatever JSON or YAML of 1 MB is posted', () => {
  test.each(Object.entries(routes))('to %s', async (path, request) => {
    const post = (body: string, type: string) =>
      fetch(`${server.url}${path}`, { method: 'POST', headers: { 'content-type': type, connection: 'close' }, body })
    expect(await slowBodies(request(), post)).toEqual([])
  })

  test.each(['text/plain', 'application/json'])('to /v1/soup as a recipe of type %s', async type => {
    const model = Buffer.from(linearModel([1, 1], [1, 1])).toString('latin1')
    const head = (name: string, more: string) => `--B\r\ncontent-disposition: form-data; name="${name}"${more}\r\n`
    const post = (recipe: string) => {
      const parts = [
        `${head('model', '; filename="a.onnx"')}\r\n${model}`,
        `${head('recipe', `\r\ncontent-type: ${type}`)}\r\n${recipe}`,
      ]
      const body = Buffer.from(`${parts.join('\r\n')}\r\n--B--\r\n`, 'latin1')
      const headers = { 'content-type': 'multipart/form-data; boundary=B', connection: 'close' }
      return fetch(`${server.url}/v1/soup`, { method: 'POST', headers, body })
    }
    expect(await slowBodies({}, post)).toEqual([])
  })
})

test('the event loop is held for at most 50 ms whatever outcome of 3 MB a scorer sends', async () => {
  const scorer = externalScorer(server.url)
  const job = await scorer.start(models, { test: {} })
  const { candidates } = await scorer.lease(job, { count: 100 })
  for (const { id } of candidates) await scorer.score(job, id, { score: 0 })
  // Those of test keep the scores of their samples.
  const [candidate] = (await scorer.lease(job, { count: 1 })).candidates
  expect(candidate?.split).toBe('test')
  const path = `${server.url}/v1/jobs/${job}/candidates/${candidate?.id}/score`
  const list = <Value>(count: number, value: (at: number) => Value) =>
    Array.from({ length: count }, (_, at) => value(at))
  const map = (count: number) => Object.fromEntries(list(count, at => [`k${at}`, at] as const))
  const scores = list(100_000, at => Math.sin(at))
  const outcomes: Record<string, string> = {
    'texts among scores': JSON.stringify({ scores: list(100_000, at => (at < 300 ? 0 : 'x')) }),
    '1e999': `{"scores":[${list(100_000, () => '1e999').join(',')}]}`,
    'lists as scores': `{"scores":[${list(50_000, () => '[]').join(',')}]}`,
    'too many scores': JSON.stringify({ scores: list(109_000, () => 0) }),
    'many details': JSON.stringify({ score: 1, details: map(50_000) }),
    'many details inside': JSON.stringify({ score: 1, details: { a: map(50_000) } }),
    'a large text': JSON.stringify({ score: 1, details: { text: 'x'.repeat(3_000_000) } }),
    'a long error': JSON.stringify({ error: '\u0001'.repeat(500_000) }),
    'unknown fields': JSON.stringify(map(50_000)),
    'scores of samples': JSON.stringify({ scores }),
    'the same scores again': JSON.stringify({ scores }),
    'other scores': JSON.stringify({ scores: scores.toReversed() }),
  }
  const put = async (body: string) => {
    const answer = await fetch(path, { method: 'PUT', headers: { 'content-type': 'application/json' }, body })
    await answer.arrayBuffer()
    return answer.status
  }
  for (let each = 0; each < 20; each += 1) await put('{"score":"x"}')
  const slow: object[] = []
  const statuses: Record<string, number> = {}
  for (const [name, body] of Object.entries(outcomes)) {
    const send = async () => {
      statuses[name] = await put(body)
    }
    const stall = await leastStall(() => server.longestStall(send))
    if (stall > mostStallOfOne) slow.push({ name, stall })
  }
  expect(statuses).toMatchObject({ 'scores of samples': 200, 'the same scores again': 200, 'other scores': 409 })
  expect(Object.values(statuses).filter(status => status === 400)).toHaveLength(9)
  expect(slow).toEqual([])
})

const post = (body: string) =>
  fetch(`${server.url}/v1/merges`, { method: 'POST', headers: { 'content-type': 'application/json' }, body })

test('a body that is nested deeper than 64 levels is refused before it is read, and one of 64 is read', async () => {
  const nested = (depth: number) => `{"labels":${'['.repeat(depth - 1)}"]"${']'.repeat(depth - 1)}}`
  await readProblem(await post(nested(64)), 400, 'TUREEN_REQUEST_INVALID')
  const { detail } = await readProblem(await post(nested(65)), 400, 'TUREEN_BODY_MALFORMED')
  expect(detail).toContain('64 levels')
  // Brackets inside of texts are none.
  await readProblem(
    await post(JSON.stringify({ labels: { k: `\\"${'['.repeat(100)}` }, models: [] })),
    400,
    'TUREEN_REQUEST_INVALID',
  )
})

test('more than 30,000 values are refused', async () => {
  const { detail } = await readProblem(await post(JSON.stringify(Array(30_000).fill(0))), 413, 'TUREEN_TOO_LARGE')
  expect(detail).toContain('30,000')
  await readProblem(await post(JSON.stringify(Array(29_000).fill(0))), 400, 'TUREEN_REQUEST_INVALID')
})

test('20 mistakes are told, and how many more there are', async () => {
  const fields = Object.fromEntries(Array.from({ length: 50 }, (_, index) => [`unknown${index}`, 0]))
  const few = await readProblem(await post(JSON.stringify({ models: [], ...fields })), 400, 'TUREEN_REQUEST_INVALID')
  expect(few.errors).toHaveLength(20)
  expect(few.detail).toMatch(/; and 31 more\.$/)
  const rules = Array.from({ length: 256 }, () => ({ match: '*', weights: ['x', 'x', 'x'] }))
  const many = await readProblem(await post(JSON.stringify({ models: [], rules })), 400, 'TUREEN_REQUEST_INVALID')
  expect(many.errors).toHaveLength(20)
  expect(many.detail).toMatch(/; and at least \d+ more\.$/)
})

describe('labels', () => {
  const labels = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, 'v']))
  const asked = (labels: object) => postJson(`${server.url}/v1/merges`, { models: [{ id: 'none' }], labels })

  test('are 64 at most', async () => {
    await readProblem(await asked(labels(64)), 404, 'TUREEN_NOT_FOUND')
    const { errors } = await readProblem(await asked(labels(65)), 400, 'TUREEN_REQUEST_INVALID')
    expect(errors).toMatchObject([{ field: 'labels', message: expect.stringMatching(/65 entries.*64 at most/) }])
  })

  test('have values of 256 characters at most, as Unicode counts them', async () => {
    await readProblem(await asked({ k: '🍲'.repeat(256) }), 404, 'TUREEN_NOT_FOUND')
    const { errors } = await readProblem(await asked({ k: '🍲'.repeat(257) }), 400, 'TUREEN_REQUEST_INVALID')
    expect(errors).toMatchObject([{ field: 'labels.k', message: expect.stringContaining('256 characters') }])
  })

  test('that are refused for their key say what a key is', async () => {
    const { errors } = await readProblem(await asked({ '!': '' }), 400, 'TUREEN_REQUEST_INVALID')
    expect(errors).toMatchObject([
      { field: 'labels.!', actual: '!', message: expect.stringContaining('1 to 63 letters') },
    ])
  })
})
