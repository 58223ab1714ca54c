import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { MergeSettings } from '../../src/merge/merge-input.ts'
import { defaultSettings } from '../../src/merge/merge-input.ts'
import { mergeInputs } from '../../src/merge/merge-inputs.ts'
import { methodSettings } from '../../src/merge/method-settings.ts'
import type { ThreadPool } from '../../src/threads/thread-pool.ts'
import { refusalOf } from '../support/catalogue.ts'
import { elementType, linearModel } from '../support/onnx-model.ts'
import { modelOf } from '../support/rich-model.ts'
import { describeShared, sharedDirectory } from '../support/shared.ts'
import { sharedPool } from '../support/shared-threads.ts'
import { type SoupInput, soupOfFiles } from '../support/soup.ts'

const { NaN: nan, POSITIVE_INFINITY: infinity } = Number

const sound: SoupInput = { bytes: linearModel([1, 2, 3, 4], [5, 6]), weight: 1, label: 'sound' }
const diverged: SoupInput = { bytes: linearModel([nan, infinity, 3, 1], [nan, 1]), weight: 1, label: 'diverged' }

const settingsOf = (method: string, parameters: Record<string, unknown>, weights: number[]): Partial<MergeSettings> =>
  methodSettings({ method, parameters, rules: [] }, { weights, hasBase: true, fishers: 0 })

describe('a model with NaN and infinity', () => {
  test('is named with its tensors and how many elements it has of them', () => {
    const { report } = soupOfFiles([sound, diverged])
    expect(report.nonFinite).toBe(3)
    expect(report.warnings).toContainEqual(
      expect.stringMatching(/^diverged has 3 NaN or infinite elements in 2 tensors: W \(2\), b \(1\)\. The soup has 3/),
    )
    expect(report.warnings.filter(each => each.includes('NaN'))).toHaveLength(1)
  })

  test('is refused where the merge must be finite, with every tensor', () => {
    const error = refusalOf(() => soupOfFiles([sound, diverged], { onNonFinite: 'fail' }), 'TUREEN_NOT_FINITE')
    expect(error.message).toContain('diverged has 3 NaN or infinite elements in 2 tensors')
    expect(error.errors).toEqual([
      { model: 'diverged', tensor: 'W', message: 'holds 2 NaN or infinite elements' },
      { model: 'diverged', tensor: 'b', message: 'holds 1 NaN or infinite element' },
    ])
  })

  test('of weight 0 is no part of the merge: nothing is said, nothing refused', () => {
    const { report, content } = soupOfFiles([sound, { ...diverged, weight: 0 }], { onNonFinite: 'fail' })
    expect(content.equals(sound.bytes)).toBe(true)
    expect(report.nonFinite).toBe(0)
    expect(report.warnings.join()).not.toContain('NaN')
  })

  test('that is the base of a skipped tensor is named for it', () => {
    const rules = [{ match: 'W', skip: true }]
    const { report } = soupOfFiles([diverged, { ...sound, label: 'other' }], { rules })
    expect(report.nonFinite).toBe(3)
    expect(report.warnings.join()).toContain('diverged has 3 NaN or infinite elements in 2 tensors: b (1), W (2)')
    expect(soupOfFiles([sound, diverged], { rules: [...rules, { match: 'b', skip: true }] }).report.nonFinite).toBe(0)
  })

  test('is named although the method has dropped what is not finite', () => {
    const base: SoupInput = { ...sound, bytes: linearModel([1, 1, 1, 1], [1, 1]), weight: null, label: 'base' }
    // The largest half of each tensor is dropped: NaN and infinity are the largest.
    const settings = settingsOf('breadcrumbs', { density: 0.5, gamma: 0.5 }, [1, 1])
    const inputs = [sound, diverged, base]
    const { report } = soupOfFiles(inputs, { ...settings, base: 2 })
    expect(report.nonFinite).toBe(0)
    expect(report.warnings.join()).toContain('diverged has 3 NaN or infinite elements in 2 tensors')
    expect(report.warnings.join()).toContain('every element of the soup is finite')
    refusalOf(() => soupOfFiles(inputs, { ...settings, base: 2, onNonFinite: 'fail' }), 'TUREEN_NOT_FINITE')
  })

  test('and a copy of it are both named', () => {
    const all = [diverged, { ...diverged, bytes: Uint8Array.from(diverged.bytes), sha256: 'sha256:2', label: 'copy' }]
    const { report } = soupOfFiles(all)
    expect(report.warnings.filter(each => each.includes('3 NaN or infinite elements in 2 tensors'))).toHaveLength(2)
  })
})

describe('a soup of finite models', () => {
  const large: SoupInput = { ...sound, bytes: linearModel([60000, 70000, 1, 1], [1, 1]) }

  test('that lies beyond the range of its type is told of, and refused where it must be finite', () => {
    const other = { ...sound, bytes: linearModel([60001, 80000, 1, 1], [1, 1]), label: 'other' }
    const { report } = soupOfFiles([large, other], { outputDtype: 'float16' })
    expect(report.nonFinite).toBe(1)
    expect(report.warnings.join()).toMatch(/The soup has 1 NaN or infinite element in 1 tensor: W \(1\), where every/)
    const { errors } = refusalOf(
      () => soupOfFiles([large, other], { outputDtype: 'float16', onNonFinite: 'fail' }),
      'TUREEN_NOT_FINITE',
    )
    expect(errors).toMatchObject([{ tensor: 'W', message: expect.stringContaining('none in any model') }])
  })

  test('is judged by the tensors that it takes from the base as well', () => {
    const rules = [{ match: 'W', skip: true }]
    const { report } = soupOfFiles([large, { ...sound, label: 'other' }], { outputDtype: 'float16', rules })
    expect(report.nonFinite).toBe(1)
  })

  test('overflows without another type, too', () => {
    const huge = linearModel([3e38, 1, 1, 1], [1, 1])
    const { report } = soupOfFiles([{ ...sound, bytes: huge, weight: 2 }], { normalize: false })
    expect(report.nonFinite).toBe(1)
    expect(report.warnings.join()).toContain('where every model is finite')
  })
})

describe('a merge that several threads write', () => {
  let directory: string
  let threads: ThreadPool
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'tureen-non-finite-'))
    threads = sharedPool()
    for (const [name, first] of [
      ['sound', 1],
      ['diverged', nan],
    ] as const) {
      const values = new Float32Array(5_000_000).fill(first, 0, 2).fill(0.5, 2)
      const tensor = { name: 'W', dims: [values.length], dataType: elementType.float32 }
      const bytes = modelOf({ initializer: [{ ...tensor, rawData: new Uint8Array(values.buffer) }] })
      writeFileSync(join(directory, name), bytes)
    }
  })
  afterAll(async () => {
    await threads.close()
    rmSync(directory, { recursive: true })
  })

  test('names what is not finite, and refuses it', async () => {
    const inputs = mergeInputs(
      ['sound', 'diverged'].map((label, index) => {
        return { label, sha256: `sha256:${index}`, weight: 1, path: join(directory, label), data: [] }
      }),
    )
    const merge = (name: string, settings: MergeSettings) => {
      const output = join(directory, name)
      return threads.merge({ inputs, settings, output, durable: false }, { signal: new AbortController().signal })
    }
    const { report } = await merge('soup', defaultSettings)
    expect(report.nonFinite).toBe(2)
    expect(report.warnings.join()).toContain('diverged has 2 NaN or infinite elements in 1 tensor: W (2)')
    const refused = merge('refused', { ...defaultSettings, onNonFinite: 'fail' })
    await expect(refused).rejects.toMatchObject({ code: 'TUREEN_NOT_FINITE' })
  })
})

describeShared('the client that diverged', () => {
  const model = (label: string, weight: number): SoupInput => {
    return { bytes: readFileSync(join(sharedDirectory, 'cases/nan-client', `${label}.onnx`)), weight, label }
  }

  test('is named, refused, and left out with weight 0', () => {
    expect(soupOfFiles([model('ok', 1), model('nan', 1)]).report.warnings.join()).toMatch(/nan has \d+ NaN/)
    refusalOf(() => soupOfFiles([model('ok', 1), model('nan', 1)], { onNonFinite: 'fail' }), 'TUREEN_NOT_FINITE')
    const ok = model('ok', 1)
    expect(soupOfFiles([ok, model('nan', 0)], { onNonFinite: 'fail' }).content.equals(ok.bytes)).toBe(true)
    expect(soupOfFiles([model('nan', 0), ok]).report.nonFinite).toBe(0)
  })
})
