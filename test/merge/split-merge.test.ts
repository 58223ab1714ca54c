import { createHash } from 'node:crypto'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { asTureenError } from '../../src/errors.ts'
import { defaultSettings } from '../../src/merge/merge-input.ts'
import { mergeInputs } from '../../src/merge/merge-inputs.ts'
import { outputRanges, rangeLedger } from '../../src/threads/output-ranges.ts'
import type { ThreadPool } from '../../src/threads/thread-pool.ts'
import { elementType } from '../support/onnx-model.ts'
import { modelOf } from '../support/rich-model.ts'
import { scattered } from '../support/scattered.ts'
import { sharedPool } from '../support/shared-threads.ts'

/** Two tensors of odd sizes, so that ranges begin and end within elements: 22 MB, which several threads write. */
const elements = [3_000_001, 2_500_003]

let directory: string
let threads: ThreadPool
let paths: string[]
let values: Float32Array[][]

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'tureen-split-'))
  threads = sharedPool()
  values = [1, 2, 3].map(model => elements.map((count, tensor) => scattered(count, 1 + tensor, 0x9e3779b1 + 2 * model)))
  paths = values.map((tensors, model) => {
    const path = join(directory, `${model}.onnx`)
    const initializer = tensors.map((tensor, index) => ({
      name: `W${index}`,
      dims: [tensor.length],
      dataType: elementType.float32,
      rawData: new Uint8Array(tensor.buffer),
    }))
    writeFileSync(path, modelOf({ initializer }))
    return path
  })
})

afterAll(async () => {
  await threads.close()
  rmSync(directory, { recursive: true })
})

const files = () =>
  paths.map((path, index) => ({ label: `m${index}`, sha256: `sha256:${index}`, weight: 1, path, data: [] }))
const merge = (output: string, options: Partial<Parameters<ThreadPool['merge']>[1]> = {}, durable = false) =>
  threads.merge(
    { inputs: mergeInputs(files()), settings: defaultSettings, output: join(directory, output), durable },
    { signal: new AbortController().signal, ...options },
  )

describe('a merge that several threads write', () => {
  test('is the mean in every element, hashed as it stands in its file, and counted once', async () => {
    const { files: written, report } = await merge('soup.onnx', {}, true)
    const content = readFileSync(join(directory, 'soup.onnx'))
    expect(written).toEqual([
      {
        location: '',
        path: join(directory, 'soup.onnx'),
        bytes: content.byteLength,
        sha256: `sha256:${createHash('sha256').update(content).digest('hex')}`,
      },
    ])
    const base = readFileSync(paths[0] ?? '')
    let at = 0
    for (const [tensor, count] of elements.entries()) {
      const [a, b, c] = values.map(tensors => tensors[tensor])
      if (!a || !b || !c) throw new Error('there are not three models')
      const mean = new Float32Array(count)
      for (let index = 0; index < count; index += 1)
        mean[index] = ((a[index] ?? 0) + (b[index] ?? 0) + (c[index] ?? 0)) / 3
      const start = base.indexOf(Buffer.from(a.slice(0, 16).buffer), at)
      expect(content.subarray(at, start).equals(base.subarray(at, start))).toBe(true)
      at = start + mean.byteLength
      expect(content.subarray(start, at).equals(Buffer.from(mean.buffer))).toBe(true)
    }
    expect(content.subarray(at).equals(base.subarray(at))).toBe(true)
    expect(report).toMatchObject({ tensors: { averaged: 2, copied: 0, nonFloat: 0 }, nonFinite: 0 })
    expect(report.bytesWritten).toBe(content.byteLength)
    expect(report.bytesRead).toBeGreaterThanOrEqual(3 * 4 * elements.reduce((sum, count) => sum + count, 0))
  })

  test('stops when it is told to, and no thread writes on', async () => {
    const stop = new AbortController()
    const merging = merge('stopped.onnx', { signal: stop.signal })
    while (!existsSync(join(directory, 'stopped.onnx'))) await new Promise(resolve => setTimeout(resolve, 1))
    stop.abort()
    const error = asTureenError(
      await merging.then(
        () => undefined,
        (reason: unknown) => reason,
      ),
    )
    expect(error.code).toBe('TUREEN_JOB_CANCELLED')
    rmSync(join(directory, 'stopped.onnx'))
    await merge('next.onnx')
    expect(readdirSync(directory)).not.toContain('stopped.onnx')
  })

  test('fails as a whole, for the reason that one thread met', async () => {
    const whole = readFileSync(paths[2] ?? '')
    const merging = merge('damaged.onnx')
    while (!existsSync(join(directory, 'damaged.onnx'))) await new Promise(resolve => setImmediate(resolve))
    truncateSync(paths[2] ?? '', 1_000_000)
    try {
      await expect(merging).rejects.toThrow(/ends at/)
    } finally {
      writeFileSync(paths[2] ?? '', whole)
    }
  })
})

describe('ranges', () => {
  test('cover every byte of every file once, in order', () => {
    const sizes = [0, 1, 4 << 20, (4 << 20) + 1, 13_000_000]
    const ranges = outputRanges(sizes.map(bytes => ({ bytes })))
    for (const [file, bytes] of sizes.entries()) {
      let end = 0
      for (const range of ranges.filter(each => each.file === file)) {
        expect(range.offset).toBe(end)
        expect(range.length).toBeGreaterThan(0)
        end += range.length
      }
      expect(end).toBe(bytes)
    }
    expect(ranges.map(({ file }) => file)).toEqual(ranges.map(({ file }) => file).toSorted((a, b) => a - b))
  })

  test('are each given to one thread, and to nobody once all are taken', () => {
    const ledger = rangeLedger(3)
    const other = rangeLedger(3, ledger.shared)
    expect([ledger.claim(), other.claim(), ledger.claim(), other.claim(), ledger.claim()]).toEqual([
      0,
      1,
      2,
      undefined,
      undefined,
    ])
  })

  test('that never come are not waited for once the work is stopped', () => {
    const stop = () => {
      throw new Error('stopped')
    }
    const ledger = rangeLedger(1)
    expect(() => ledger.awaitFinished(0, stop)).toThrow('stopped')
    ledger.finish(0)
    ledger.awaitFinished(0, stop)
  })
})
