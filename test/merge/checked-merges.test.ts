import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { defaultSettings, type MergeSettings } from '../../src/merge/merge-input.ts'
import { type MergeInputs, mergeInputs } from '../../src/merge/merge-inputs.ts'
import { checkedMerges } from '../../src/threads/checked-merges.ts'
import { checkMergeFiles, startMerge } from '../../src/threads/merge-task.ts'
import type { MergeFile } from '../../src/threads/open-inputs.ts'
import type { ThreadPool } from '../../src/threads/thread-pool.ts'
import { workControl } from '../../src/threads/work-control.ts'
import { costlyModels } from '../support/costly-models.ts'
import { sharedPool } from '../support/shared-threads.ts'

const kinds = [
  'tensors in a chain of products',
  'layers with biases',
  'constants of plain floats',
  'sparse tensors',
  'tensors with long names',
] as const

const settings: readonly Partial<MergeSettings>[] = [
  {},
  { method: 'ties', parameters: { density: 0.5, lambda: 1 }, usesBase: true, normalize: true },
  { provenance: true, rules: [{ match: '*', weights: [1, 3] }] },
]

/** Constants and sparse tensors cannot get another type. */
const cases = [
  ...kinds.flatMap(kind => settings.map(some => [kind, some] as const)),
  ['tensors in a chain of products', { outputDtype: 'float16' }] as const,
]

const count = 100
let directory: string
let threads: ThreadPool

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'tureen-checked-'))
  threads = sharedPool(() => undefined)
})
afterAll(async () => {
  await threads.close()
  rmSync(directory, { recursive: true })
})

/** Two models of one kind, and one of them as the base. */
function inputsOf(kind: (typeof kinds)[number]): MergeInputs<MergeFile> {
  const models = [0, 1].map(seed => {
    const path = join(directory, `${kind} ${seed}`)
    writeFileSync(path, costlyModels[kind](count, seed))
    return { label: `m${seed}`, sha256: `sha256:${seed}`, weight: 1, path, data: [] }
  })
  return mergeInputs(models, models[1])
}

function merged(inputs: MergeInputs<MergeFile>, merging: MergeSettings, checked: Uint8Array<ArrayBuffer> | null) {
  const output = join(directory, 'soup')
  const start = startMerge(inputs, merging, output, false, workControl(), checked)
  if (!('merged' in start)) throw new Error('the soup is large')
  const content = readFileSync(output)
  rmSync(output)
  const { bytesRead, ...report } = start.merged.report
  return { content, files: start.merged.files, report, bytesRead }
}

describe('a merge with the plan of its check', () => {
  test.each(cases)('has the same bytes and report as one without, and reads less: %s, %o', (kind, some) => {
    const inputs = inputsOf(kind)
    const merging = { ...defaultSettings, ...some }
    const checked = checkMergeFiles(inputs, merging)
    if (!checked) throw new Error('the plan was not returned')
    const { bytesRead: without, ...expected } = merged(inputs, merging, null)
    const { bytesRead, ...found } = merged(inputs, merging, checked)
    expect(found).toEqual(expected)
    expect(bytesRead).toBeLessThan(without)
  })
})

test('the thread pool merges with the plan of the check before it, and plans the next one itself', async () => {
  const inputs = inputsOf('tensors in a chain of products')
  const bytesRead = async () => {
    const output = join(directory, 'of-pool')
    const { signal } = new AbortController()
    const { report } = await threads.merge({ inputs, settings: defaultSettings, output, durable: false }, { signal })
    rmSync(output)
    return report.bytesRead
  }
  const without = await bytesRead()
  await threads.check({ inputs, settings: defaultSettings })
  expect(await bytesRead()).toBeLessThan(without)
  expect(await bytesRead()).toBe(without)
})

describe('kept plans', () => {
  const models = [0, 1].map(index => {
    return { label: `m${index}`, sha256: `sha256:${index}`, weight: 1, path: `/${index}`, data: [] }
  })
  const merge = { inputs: mergeInputs(models), settings: defaultSettings }
  const plan = (bytes = 8) => new Uint8Array(bytes)

  afterEach(() => vi.useRealTimers())

  test('are handed out once, for the same files and settings alone', () => {
    const checks = checkedMerges()
    const kept = plan()
    checks.keep(merge, kept)
    expect(checks.take({ ...merge, settings: { ...defaultSettings, nonFloat: 'base' } })).toBeNull()
    expect(checks.take({ ...merge, inputs: mergeInputs(models.toReversed()) })).toBeNull()
    expect(checks.take(structuredClone(merge))).toBe(kept)
    expect(checks.take(merge)).toBeNull()
  })

  test('tell a weight of 0 from one of -0', () => {
    const checks = checkedMerges()
    const weighted = (weight: number) => ({
      ...merge,
      inputs: mergeInputs(models.map(model => ({ ...model, weight }))),
    })
    checks.keep(weighted(0), plan())
    expect(checks.take(weighted(-0))).toBeNull()
  })

  test('are forgotten after half a minute, and their memory with them', () => {
    vi.useFakeTimers()
    const [checks, kept] = [checkedMerges(), plan()]
    checks.keep(merge, kept)
    vi.advanceTimersByTime(30_000)
    expect(checks.take(merge)).toBeNull()
    expect(kept.byteLength).toBe(0)
  })

  test('take a bounded number of bytes: the oldest goes first', () => {
    const checks = checkedMerges()
    const merges = [0, 1, 2].map(blocks => ({ ...merge, settings: { ...defaultSettings, blocks } }))
    for (const each of merges) checks.keep(each, plan(50 << 20))
    expect(merges.map(each => checks.take(each)?.byteLength)).toEqual([undefined, 50 << 20, 50 << 20])
    const large = plan(129 << 20)
    checks.keep(merge, large)
    expect(checks.take(merge)).toBeNull()
    expect(large.byteLength).toBe(0)
  })
})
