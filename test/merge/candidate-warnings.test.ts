import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { defaultSettings } from '../../src/merge/merge-input.ts'
import { nonFiniteNotes } from '../../src/merge/non-finite-report.ts'
import { findNonFiniteCandidates, openCandidates } from '../../src/threads/candidate-task.ts'
import { refusalOf } from '../support/catalogue.ts'
import { linearModel } from '../support/onnx-model.ts'

let directory: string
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'tureen-candidates-'))
})
afterAll(() => rmSync(directory, { recursive: true }))

/** Models whose matrices are orthogonal, the last with NaN. */
function files() {
  const signs = [(place: number) => place % 2, (place: number) => (place >> 1) % 2]
  return signs.map((sign, index) => {
    const weights: number[] = Array.from({ length: 1024 }, (_, place) => (sign(place) ? 1 : -1))
    if (index > 0) weights[5] = Number.NaN
    const path = join(directory, `${index}.onnx`)
    writeFileSync(path, linearModel(weights, new Array<number>(32).fill(1)))
    return { label: `m${index}`, sha256: `sha256:${index}`, weight: 1, path, data: [] }
  })
}

const candidates = () => ({
  inputs: { models: files(), base: null, companions: [] },
  settings: defaultSettings,
  memoryBytes: 1 << 20,
})

test('a search is told that its models were trained apart, and which are not finite', () => {
  expect(openCandidates(candidates()).warnings).toEqual([
    expect.stringMatching(/^m0 and m1: these look independently trained/),
  ])
  expect(nonFiniteNotes(findNonFiniteCandidates())).toEqual([
    expect.stringMatching(/^m1 has 1 NaN or infinite element in 1 tensor: W \(1\)/),
  ])
})

test('a search whose soups must be finite opens no model that is not', () => {
  const finite = { ...candidates(), settings: { ...defaultSettings, onNonFinite: 'fail' as const } }
  const { errors } = refusalOf(() => openCandidates(finite), 'TUREEN_NOT_FINITE')
  expect(errors).toMatchObject([{ model: 'm1', tensor: 'W', message: expect.stringContaining('1 NaN') }])
})
