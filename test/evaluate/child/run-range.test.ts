import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import ort from 'onnxruntime-node'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { keptBatches, readBatches } from '../../../src/evaluate/child/fed-batches.ts'
import { openDatasets } from '../../../src/evaluate/child/open-datasets.ts'
import { runRange } from '../../../src/evaluate/child/run-range.ts'
import type { CandidateRange, EvaluationOutcome } from '../../../src/evaluate/protocol.ts'
import { defaultSettings } from '../../../src/merge/merge-input.ts'
import { planSearch } from '../../../src/threads/search-task.ts'
import { projectRoot } from '../../support/server.ts'
import { digest } from '../../support/soup.ts'

const digits = join(projectRoot, 'examples/digits')
const models = [0, 1, 2].map(index => {
  const path = join(digits, `ft${index}.onnx`)
  return { label: `ft${index}`, sha256: digest(readFileSync(path)), path, data: [], weight: 1 }
})
const input = { input: 'image', dtype: 'float32', array: 'image', feeding: 'batch' as const }
const binding = { inputs: [input], target: 'label', output: 'logits', references: [], batchSize: 64, fixed: false }

let directory: string
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'tureen-range-'))
  const inputs = { models, base: models[0] ?? null, companions: [] }
  planSearch({ inputs, settings: defaultSettings, output: join(directory, 'plan') })
})
afterAll(() => rmSync(directory, { recursive: true }))

const soup = (members: number[]) => ({
  soup: { members, weights: members.map(() => 1), rules: [] },
  base: 0,
  recalibrated: false,
})
const registered = (name: string) => ({ kind: 'registered' as const, name, metric: name, parameters: { from: 'auto' } })
const digitsData = { files: [{ name: 'val.npz', path: join(digits, 'val.npz') }] }
const accuracy = { dataset: digitsData, binding, limit: null, threads: 1, targets: 500, metric: registered('accuracy') }
const range = (milliseconds: number): CandidateRange => ({
  terms: [accuracy],
  termOf: [0, 0, 0, 0],
  models: [{ path: models[0]?.path ?? '', data: [] }, soup([0, 1]), soup([1, 2]), soup([0, 1, 2])],
  soups: {
    inputs: models.map(({ path, data }) => ({ path, data })),
    plans: new Map([[0, join(directory, 'plan')]]),
    settings: defaultSettings,
    calibration: null,
  },
  milliseconds,
  readyBytes: 1 << 20,
  datasets: [digitsData],
})

/** The scores of a range, and whether the last one ended it. */
async function scored(asked: CandidateRange, takes = (_: EvaluationOutcome) => true): Promise<(number | undefined)[]> {
  const outcomes: EvaluationOutcome[] = []
  const last = await runRange(asked, openDatasets().open, outcome => {
    if (!takes(outcome)) return false
    outcomes.push(outcome)
    return true
  })
  return [...outcomes, last].map(({ metrics: [metric] }) => metric?.value)
}

test('a range is scored in order, again and again with the same scores', async () => {
  const first = await scored(range(60_000))
  expect(first).toHaveLength(4)
  expect(first[0]).toBeCloseTo(0.818, 1)
  expect(await scored(range(60_000))).toEqual(first)
  expect(await scored({ ...range(60_000), models: range(0).models.toReversed() })).toEqual(first.toReversed())
})

test('a range of several terms has the scores of ranges of one, and opens each soup once for terms that follow each other', async () => {
  const loss = { ...accuracy, metric: registered('crossEntropy') }
  const [first, second] = range(0).models
  const models = [first, first, second, second, first].flatMap(each => each ?? [])
  const create = vi.spyOn(ort.InferenceSession, 'create')
  const found = await scored({ ...range(60_000), models, terms: [accuracy, loss], termOf: [0, 1, 0, 1, 1] })
  expect(create).toHaveBeenCalledTimes(3)
  create.mockRestore()
  const alone = async (term: typeof accuracy) =>
    scored({ ...range(60_000), models: [first, second].flatMap(each => each ?? []), terms: [term], termOf: [0, 0] })
  const [right, lost] = [await alone(accuracy), await alone(loss)]
  expect(found).toEqual([right[0], lost[0], right[1], lost[1], lost[0]])
})

test('a range whose time is over goes on with further terms of a model that takes long to open, and no further', async () => {
  const loss = { ...accuracy, metric: registered('crossEntropy') }
  const [first, second] = range(0).models.slice(1)
  const models = [first, first, second, second].flatMap(each => each ?? [])
  const asked = { ...range(0), models, terms: [accuracy, loss], termOf: [0, 1, 0, 1] }
  const create = ort.InferenceSession.create
  const slow = vi.spyOn(ort.InferenceSession, 'create')
  slow.mockImplementation(async (...given: unknown[]) => {
    await new Promise(resolve => setTimeout(resolve, 300))
    return Reflect.apply(create, ort.InferenceSession, given)
  })
  expect(await scored(asked)).toHaveLength(2)
  slow.mockRestore()
})

test('a range whose time is over ends after the candidate that it has begun', async () => {
  expect(await scored(range(0))).toHaveLength(1)
})

test('a range ends with an outcome that is too large to be passed on', async () => {
  expect(await scored(range(60_000), () => false)).toHaveLength(1)
})

test('batches that are kept are those that are read, and more than may be kept are read again', async () => {
  const dataset = await openDatasets().open(digitsData)
  const session = { inputMetadata: [{ name: 'image', isTensor: true as const, type: 'float32' as const, shape: [] }] }
  const pass = { dataset, binding, arrays: ['image', 'label'], targets: ['label'], total: 500 }
  const seen = async (batches: ReturnType<typeof readBatches> | ReturnType<ReturnType<typeof keptBatches>>) => {
    const found: unknown[] = []
    for await (const { samples, feeds, values } of batches)
      found.push([samples, feeds.image?.dims, feeds.image?.data, values.get('label')?.data.slice()])
    return found
  }
  const expected = await seen(readBatches(pass, session))
  expect(expected).toHaveLength(8)
  for (const mostBytes of [0, 1 << 15, 1 << 20]) {
    const batches = keptBatches(mostBytes)
    for (let turn = 0; turn < 3; turn += 1) expect(await seen(batches(pass, session))).toEqual(expected)
    expect(Array.isArray(batches(pass, session))).toBe(mostBytes === 1 << 20)
  }
})

test('the batches of several passes are kept side by side while there is room, those that were used last first', async () => {
  const dataset = await openDatasets().open(digitsData)
  const read = vi.spyOn(dataset, 'batches')
  const session = { inputMetadata: [{ name: 'image', isTensor: true as const, type: 'float32' as const, shape: [] }] }
  // A sample takes 64 floats and a label of 8 bytes.
  const batches = keptBatches(300 * (64 * 4 + 8))
  const run = async (total: number) => {
    let samples = 0
    const pass = { dataset, binding, arrays: ['image', 'label'], targets: ['label'], total }
    for await (const batch of batches(pass, session)) samples += batch.samples
    expect(samples).toBe(total)
    return read.mock.calls.length
  }
  const [first, second, third] = [100, 120, 140]
  for (const total of [first, second, first, second, first]) expect(await run(total)).toBeLessThanOrEqual(2)
  expect(await run(third)).toBe(3)
  expect(await run(first)).toBe(3)
  expect(await run(second)).toBe(4)
})
