import { createServer } from 'node:http'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { scoreCandidates } from '../../examples/scorers/scorer.ts'
import { patience, resultOf, startExternal } from '../support/external-digits.ts'
import { listenOn } from '../support/listening.ts'
import { numpyPython, runNumpy } from '../support/numpy-python.ts'
import { candidatesOf, startScorer } from '../support/scorer-process.ts'
import { searchClient } from '../support/search-client.ts'
import { projectFile, projectRoot, startApp, temporaryDirectory } from '../support/server.ts'

let app: Awaited<ReturnType<typeof startApp>>
let files: Awaited<ReturnType<typeof temporaryDirectory>>
let python: string
const names = ['ft0', 'ft1', 'ft3']
const ids: string[] = []
beforeAll(async () => {
  python = await numpyPython()
  files = await temporaryDirectory()
  app = await startApp()
  for (const name of names)
    ids.push(await searchClient(app.url).addModel(await projectFile(`examples/detection/${name}.onnx`), name))
})
afterAll(async () => {
  await app.close()
  await files.remove()
})

const search = (scorer: string) => ({
  models: ids.map(id => ({ id })),
  strategy: { type: 'exhaustive' },
  selection: { external: { name: scorer, version: '1' }, direction: 'max' },
})

describe('a detector is searched by its mAP', () => {
  const scorers = [
    { what: 'the scorer in Python', command: (job: string) => [python, 'examples/detection/scorer.py', job] },
    {
      what: 'the scorer in shell',
      command: (job: string) => [
        ...['examples/scorers/scorer.sh', job],
        ...[python, 'examples/detection/detection.py'],
      ],
    },
  ]
  test.each(scorers)(
    'with $what',
    async ({ what, command }) => {
      const job = await startExternal(app.url, search(what))
      const scorer = startScorer(command(job))
      const { candidates, winner } = await resultOf(job)
      expect(await scorer.exited).toBe(0)
      expect(candidates).toHaveLength(7)
      expect(winner.score).toBe(Math.max(...candidates.map(({ score }) => score ?? Number.NaN)))
      for (const [index, { models, score }] of candidates.entries())
        if (models.length === 1) expect(score, `candidate ${index}`).toBe(await measured(models[0] ?? ''))
    },
    patience,
  )

  /** Returns what the command of the example prints for a model of the request. */
  async function measured(id: string): Promise<unknown> {
    const path = join(projectRoot, `examples/detection/${names[ids.indexOf(id)]}.onnx`)
    return runNumpy(join(projectRoot, 'examples/detection/detection.py'), [path, 'selection'], {})
  }
})

test(
  'a command that fails or prints no number gives the reason, and the candidate has no score',
  async () => {
    const job = await startExternal(app.url, search('failing'))
    const once = (file: string, then: string) => `if test ! -e "$0/${file}"; then touch "$0/${file}"; ${then}; exit; fi`
    const measure = `${once('good', 'echo 0.5')}; ${once('nan', 'echo nan')}; ${once('text', 'echo high')}; ${once('empty', 'true')}; echo "out of memory" >&2; exit 3`
    const scorer = startScorer(['examples/scorers/scorer.sh', job, 'sh', '-c', measure, files.path])
    const { winner, notes } = await resultOf(job)
    expect(await scorer.exited).toBe(0)
    expect(winner.score).toBe(0.5)
    const states = Object.groupBy(await candidatesOf(job), ({ state }) => state)
    expect([states.scored?.length, states.unscored?.length]).toEqual([1, 6])
    expect(states.unscored?.every(({ error }) => error?.startsWith('the command printed no number: '))).toBe(true)
    expect(states.unscored?.at(-1)?.error).toContain('out of memory')
    expect(notes.join(' ')).toContain('out of memory')
  },
  patience,
)

/** A server that hands out one candidate with external data, as it does for models above 2 GB, and takes its score. */
async function serverOfParts(location: string) {
  let outcome: unknown
  const parts: Record<string, string> = { '/model': 'model', '/part': 'weights' }
  const data = [{ location, content: '/part' }]
  const server = createServer(async (request, response) => {
    const { method, url = '' } = request
    const part = parts[url]
    if (part !== undefined) return response.end(part)
    const body = await text(request)
    if (method === 'PUT') outcome = JSON.parse(body)
    const isOver = outcome !== undefined
    const candidates = isOver ? [] : [{ id: 'c', split: 'test', content: '/model', data }]
    const job = { status: isOver ? 'succeeded' : 'waiting' }
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ id: 'l', job, candidates }))
  })
  const port = await listenOn(server)
  return { job: `http://127.0.0.1:${port}/v1/jobs/j`, outcome: () => outcome, close: () => server.close() }
}

test('the scorer in shell puts external data beside the model, and nowhere else', async () => {
  const { job, outcome, close } = await serverOfParts('sub/weights.bin')
  const measure = 'cat "$(dirname "$0")/sub/weights.bin" "$0" | wc -c'
  const { exited } = startScorer(['examples/scorers/scorer.sh', job, 'sh', '-c', measure])
  expect(await exited).toBe(0)
  expect(outcome()).toEqual({ score: 'weightsmodel'.length })
  close()
  const outside = await serverOfParts('../weights.bin')
  const scorer = startScorer(['examples/scorers/scorer.sh', outside.job, 'sh', '-c', measure])
  expect(await scorer.exited).toBe(0)
  expect(outside.outcome()).toEqual({ error: expect.stringContaining('not beside its file') })
  outside.close()
})

test('the scorer in TypeScript passes external data on', async () => {
  const { job, outcome, close } = await serverOfParts('weights.bin')
  await scoreCandidates(job, async (content, split, data) => {
    expect([Buffer.from(content).toString(), split]).toEqual(['model', 'test'])
    return data.get('weights.bin')?.byteLength ?? 0
  })
  expect(outcome()).toEqual({ score: 'weights'.length })
  close()
})
