import { chmod, copyFile, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { candidatePage } from '../../schemas/candidate.ts'
import { searchJob } from '../../schemas/job.ts'
import { externalScorer } from '../support/external-scorer.ts'
import { json } from '../support/http-client.ts'
import { projectFile, projectRoot, startApp, temporaryDirectory } from '../support/server.ts'
import { startCommand, typed } from '../support/typed-command.ts'

const token = 'a-token-of-the-tests-of-scorers-1'
const scoreToken = 'a-token-of-the-tests-of-scorers-2'
let directory: Awaited<ReturnType<typeof temporaryDirectory>>
let app: Awaited<ReturnType<typeof startApp>>
let scorer: ReturnType<typeof externalScorer>
const models: string[] = []
beforeAll(async () => {
  directory = await temporaryDirectory()
  for (const index of [0, 1, 2])
    await copyFile(join(projectRoot, `examples/digits/ft${index}.onnx`), join(directory.path, `ft${index}.onnx`))
  // Counts the bytes of one value: what a model has of them, the test can count itself.
  await writeFile(join(directory.path, 'count.sh'), '#!/bin/sh\ntr -dc a < "$1" | wc -c\n')
  await chmod(join(directory.path, 'count.sh'), 0o755)
  app = await startApp({ TUREEN_RATE_LIMIT: '0', TUREEN_TOKENS: `writer:write:${token},gpu:score:${scoreToken}` })
  scorer = externalScorer(app.url, token)
  for (const index of [0, 1, 2]) {
    const content = await projectFile(`examples/digits/ft${index}.onnx`)
    const headers = { authorization: `Bearer ${token}` }
    const response = await fetch(`${app.url}/v1/models`, { method: 'POST', body: content, headers })
    models.push((await json<{ id: string }>(response)).id)
  }
})
afterAll(async () => {
  await app.close()
  await directory.remove()
})

const environment = (given = token) => ({ TUREEN_URL: app.url, TUREEN_TOKEN: given, TMPDIR: directory.path })
const run = (parameters: string[], given = token) => typed(parameters, { cwd: directory.path, env: environment(given) })
/** Starts a search that asks for every score anew. */
const start = (ids: readonly string[]) =>
  scorer.start(ids, { selection: { external: { name: 'tests', version: '1' }, direction: 'max', reuse: false } })
const jobOf = async (id: string) => searchJob.parse(await json(await scorer.ask('GET', `/v1/jobs/${id}`)))
const countOf = async (name: string) => (await readFile(join(directory.path, name))).filter(byte => byte === 97).length
const counts = async () => Promise.all(['ft0.onnx', 'ft1.onnx', 'ft2.onnx'].map(countOf))
const leftBehind = async () => (await readdir(directory.path)).filter(name => name.startsWith('tureen-'))

test('a search gets the score that the command prints for each candidate, from a scorer with its own token', async () => {
  const id = await start(models)
  const ended = await run(['score', id, '--command', './count.sh {model}', '--jobs', '3', '--json'], scoreToken)
  expect(ended.code, ended.stderr).toBe(0)
  const { items } = candidatePage.parse(JSON.parse(ended.stdout))
  expect(items).toHaveLength(7)
  const { result } = await jobOf(id)
  expect(result?.bestSingle.score).toBe(Math.max(...(await counts())))
  expect(Math.max(...items.map(({ score }) => score ?? 0))).toBe(result?.winner.score)
  expect(await leftBehind()).toEqual([])
})

test('a candidate whose command fails has the reason, and the others their scores', async () => {
  const id = await start(models)
  const most = Math.max(...(await counts()))
  const command = `N=$(./count.sh {model}); if [ $N = ${most} ]; then echo out of memory >&2; exit 9; fi; echo $N`
  const ended = await run(['score', id, '--command', command])
  expect(ended).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^\d candidates scored here, [1-6] failed; the search has succeeded\n$/),
  })
  expect(ended.stderr).toMatch(/^warning: candidate \d: the command ended with code 9: out of memory$/m)
  const failed = (await scorer.candidates(id)).filter(({ state }) => state === 'unscored')
  expect(failed.length).toBeGreaterThan(0)
  for (const { error } of failed) expect(error).toBe('the command ended with code 9: out of memory')
})

test('a command that runs longer than its lease keeps its candidate, since the lease is renewed', async () => {
  const id = await start(models.slice(0, 2))
  const ended = await run(['score', id, '--command', 'sleep 4; ./count.sh {model}', '--lease', '1', '--jobs', '2'])
  expect(ended.code, ended.stderr).toBe(0)
  for (const { attempts, score } of await scorer.candidates(id))
    expect({ attempts, score }).toEqual({ attempts: 1, score: expect.any(Number) })
})

test('a command that hangs is ended after --timeout, which the candidate tells', async () => {
  const id = await start(models.slice(0, 2))
  const ended = await run(['score', id, '--command', 'sleep 300; echo {model}', '--timeout', '1'])
  expect(ended.stderr).toContain('the command took longer than 1 s')
  const [candidate] = await scorer.candidates(id)
  expect(candidate).toMatchObject({ state: 'unscored', error: 'the command took longer than 1 s' })
})

test('Ctrl-C gives the candidate back at once, and ends the command with all of its processes', async () => {
  const id = await start(models)
  const { process: child, ended } = startCommand(
    [
      'score',
      id,
      '--command',
      'echo $$ > running; sleep 300 & echo $! > forked; wait; echo {model}',
      '--lease',
      '3600',
    ],
    { cwd: directory.path, env: environment() },
  )
  while (!(await readFile(join(directory.path, 'forked'), 'utf8').catch(() => '')).trim()) await delay(50)
  child.kill('SIGINT')
  expect(await ended).toMatchObject({ code: 130, stdout: '' })
  for (const name of ['running', 'forked']) {
    const pid = (await readFile(join(directory.path, name), 'utf8')).trim()
    const state = async () => readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
    while (/^\d+ \(.*\) [^Z]/.test(await state())) await delay(20)
  }
  for (const { state, attempts } of await scorer.candidates(id))
    expect({ state, attempts }).toEqual({ state: 'open', attempts: 0 })
  expect(await leftBehind()).toEqual([])
  await scorer.ask('POST', `/v1/jobs/${id}/cancel`)
})

test('a command that the shell does not find costs no candidate', async () => {
  const id = await start(models)
  const ended = await run(['score', id, '--command', './cuont.sh {model}'])
  expect(ended).toMatchObject({
    code: 1,
    stdout: '',
    stderr: expect.stringMatching(
      /^tureen score: The shell cannot run the command: .*not found\n {2}Correct it: \.\/cuont\.sh \{model\}\n/,
    ),
  })
  for (const { state, attempts } of await scorer.candidates(id))
    expect({ state, attempts }).toEqual({ state: 'open', attempts: 0 })
  await scorer.ask('POST', `/v1/jobs/${id}/cancel`)
})

test('a command ends when its search is cancelled, and the scorer with code 1', async () => {
  const id = await start(models)
  const scoring = run(['score', id, '--command', 'echo > begun; sleep 300; echo {model}', '--lease', '3'])
  while (!(await readdir(directory.path)).includes('begun')) await delay(50)
  await scorer.ask('POST', `/v1/jobs/${id}/cancel`)
  expect(await scoring).toMatchObject({
    code: 1,
    stderr: expect.stringContaining(`The search ${id} has been cancelled; 0 candidates scored here`),
  })
})

test('a search of local files takes its scores from a command, also on test', async () => {
  const searched = [
    'search',
    'ft0.onnx',
    'ft1.onnx',
    'ft2.onnx',
    '--score',
    './count.sh {model} {split}',
    '--strategy',
    'exhaustive',
    '-o',
    'best.onnx',
    '--json',
  ]
  const ended = await typed(searched, { cwd: directory.path, env: { TMPDIR: directory.path } })
  expect(ended.code, ended.stderr).toBe(0)
  const { result } = searchJob.parse(JSON.parse(ended.stdout))
  expect(result?.bestSingle.score).toBe(Math.max(...(await counts())))
  expect(result?.test).toMatchObject({ winner: result?.winner.score })
  expect(await countOf('best.onnx')).toBe(result?.winner.score)
  expect(await leftBehind()).toEqual([])
})

test('a command and a data set choose together, each with its weight, also on test', async () => {
  const data = (name: string) => join(projectRoot, 'examples/digits', name)
  const ended = await typed(
    [
      ...['search', 'ft0.onnx', 'ft1.onnx', 'ft2.onnx', '--strategy', 'exhaustive', '--json'],
      ...['--data', `${data('val.npz')}:2`, '--test', data('test.npz')],
      ...['--score', './count.sh {model} {split}', '--direction', 'min', '--score-weight', '0.5'],
    ],
    { cwd: directory.path, env: { TMPDIR: directory.path } },
  )
  expect(ended.code, ended.stderr).toBe(0)
  const { result } = searchJob.parse(JSON.parse(ended.stdout))
  const { candidates = [], terms = [], winner, test } = result ?? {}
  expect(terms).toMatchObject([
    { weight: 2, metric: 'accuracy' },
    { weight: 0.5, external: { version: '1' } },
  ])
  const singles = candidates.filter(({ models }) => models.length === 1).map(({ scores = [] }) => scores)
  const accuracy = Math.max(...singles.map(([score]) => score ?? Number.NaN))
  const count = Math.min(...(await counts()))
  expect(Math.min(...singles.map(([, score]) => score ?? Number.NaN))).toBe(count)
  const objectives = candidates.map(({ scores: [right, bytes] = [] }) => {
    const gains = [((right ?? Number.NaN) - accuracy) / accuracy, (count - (bytes ?? Number.NaN)) / count]
    return 2 * (gains[0] ?? 0) + 0.5 * (gains[1] ?? 0)
  })
  for (const [index, objective] of objectives.entries()) expect(candidates[index]?.score).toBeCloseTo(objective, 12)
  expect(winner?.score).toBeCloseTo(Math.max(...objectives), 12)
  expect(test?.winner).toEqual(expect.any(Number))
  expect(terms.map(term => term.test?.winner)).toEqual([expect.any(Number), winner?.scores?.[1]])
  expect(await leftBehind()).toEqual([])
})

test.each([
  [['score', 'x', '--command', './count.sh'], 'must contain {model}'],
  [['score', 'x', '--command', './count.sh {model}', '--jobs', '0'], '--jobs 0: must be a whole number from 1 on.'],
  [['search', 'ft0.onnx'], 'A search needs --data'],
  [['search', 'ft0.onnx', '--data', 'ft0.onnx', '--score', 'cat {model} {split}'], 'Give each --data a --test as well'],
  [
    ['search', 'ft0.onnx', '--data', 'ft0.onnx', '--test', 'ft0.onnx', '--score', 'cat {model}'],
    'Write {split} where it says',
  ],
  [['search', 'ft0.onnx', '--test', 'ft0.onnx', '--score', 'cat {model}'], '--test belongs to --data'],
  [['search', 'ft0.onnx', '--score', 'cat {model}', '--score-weight', '2'], '--score-weight weighs the command'],
  [
    ['search', 'ft0.onnx', '--data', 'ft0.onnx', '--score', 'cat {model}', '--score-weight', '0'],
    '--score-weight 0: the weight 0 must be a number above 0',
  ],
  [['search', 'ft0.onnx', '--data', 'ft0.onnx', '--jobs', '2'], '--jobs belongs to --score'],
])('wrong arguments end with code 2: %j', async (parameters, message) => {
  expect(await run(z.array(z.string()).parse(parameters))).toMatchObject({
    code: 2,
    stdout: '',
    stderr: expect.stringContaining(String(message)),
  })
})
