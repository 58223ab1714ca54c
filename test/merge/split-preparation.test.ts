import { existsSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { defaultSettings, type MergeSettings } from '../../src/merge/merge-input.ts'
import { mergeInputs } from '../../src/merge/merge-inputs.ts'
import type { ThreadPool } from '../../src/threads/thread-pool.ts'
import { elementType } from '../support/onnx-model.ts'
import { modelOf } from '../support/rich-model.ts'
import { scattered } from '../support/scattered.ts'
import { sharedPool } from '../support/shared-threads.ts'
import { planInMemory } from '../support/soup.ts'

/** The small ones are prepared while the large one is; together they are what several threads write. */
const elements = [3_000_001, 70_003, 1_200_001, 11]

let directory: string
let threads: ThreadPool
let models: { path: string; bytes: Buffer }[]

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'tureen-prepared-'))
  threads = sharedPool()
  models = [1, 2, 3].map(model => {
    const path = join(directory, `${model}.onnx`)
    const initializer = elements.map((count, tensor) => {
      const values = scattered(count, 1 + tensor, 0x9e3779b1 + 2 * model)
      const rawData = new Uint8Array(values.buffer)
      return { name: `W${tensor}`, dims: [count], dataType: elementType.float32, rawData }
    })
    const bytes = Buffer.from(modelOf({ initializer }))
    writeFileSync(path, bytes)
    return { path, bytes }
  })
})

afterAll(async () => {
  await threads.close()
  rmSync(directory, { recursive: true })
})

/** The place of the base among the models. */
const base = 2
const settings: MergeSettings = {
  ...defaultSettings,
  method: 'ties',
  parameters: { density: 0.3, lambda: 1, trim: 'tensor' },
  usesBase: true,
}
const inputs = () =>
  models.map((model, index) => ({
    ...model,
    label: `m${index}`,
    sha256: `sha256:${index}`,
    weight: index === base ? null : 1,
  }))
const files = () => models.map(({ path }, index) => ({ label: `m${index}`, sha256: `sha256:${index}`, path, data: [] }))
const merge = (output: string, options: Partial<Parameters<ThreadPool['merge']>[1]> = {}) =>
  threads.merge(
    {
      inputs: mergeInputs(
        files()
          .toSpliced(base, 1)
          .map(file => ({ ...file, weight: 1 })),
        files()[base],
      ),
      settings,
      output: join(directory, output),
      durable: false,
    },
    { signal: new AbortController().signal, ...options },
  )

test('tensors that several threads prepare come to what one thread makes of them', async () => {
  const progress: [number, number][] = []
  const { report } = await merge('soup.onnx', { onProgress: (done, total) => progress.push([done, total]) })
  const alone = planInMemory(inputs(), { ...settings, base })
  const expected = Buffer.alloc(alone.byteLength)
  alone.read(0, expected)
  expect(readFileSync(join(directory, 'soup.onnx')).equals(expected)).toBe(true)
  expect(report.method).toEqual(alone.counts().method)
  const bytes = 4 * elements.reduce((sum, count) => sum + count, 0)
  // Every model is read once to find thresholds, and once to be merged.
  expect(report.bytesRead).toBeGreaterThanOrEqual(2 * 3 * bytes)
  for (const [done, total] of progress) {
    expect(done).toBeLessThanOrEqual(total)
    expect(total).toBe(report.bytesWritten + bytes)
  }
})

test('preparing stops when it is told to', async () => {
  const stop = new AbortController()
  const merging = merge('stopped.onnx', { signal: stop.signal })
  while (!existsSync(join(directory, 'stopped.onnx'))) await new Promise(resolve => setTimeout(resolve, 1))
  stop.abort()
  await expect(merging).rejects.toThrow('The work was stopped')
})

test('preparing fails as a whole for the reason that one thread met', async () => {
  const { path, bytes } = models[1] ?? { path: '', bytes: Buffer.alloc(0) }
  const merging = merge('damaged.onnx')
  while (!existsSync(join(directory, 'damaged.onnx'))) await new Promise(resolve => setImmediate(resolve))
  truncateSync(path, 1_000_000)
  try {
    await expect(merging).rejects.toThrow(/ends at/)
  } finally {
    writeFileSync(path, bytes)
  }
})
