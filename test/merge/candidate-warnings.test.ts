import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { defaultSettings } from '../../src/merge/merge-input.ts'
import { nonFiniteNotes, requireFinite } from '../../src/merge/non-finite-report.ts'
import { findNonFiniteModels, planSearch } from '../../src/threads/search-task.ts'
import { workControl } from '../../src/threads/work-control.ts'
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

let models: ReturnType<typeof files>
let plan: string
let warnings: readonly string[]
beforeAll(() => {
  models = files()
  plan = join(directory, 'plan')
  const search = { inputs: { models, base: null, companions: [] }, settings: defaultSettings, output: plan }
  warnings = planSearch(search).warnings
})
const nonFinite = () => findNonFiniteModels({ inputs: models, plan, shared: workControl().shared })

test('a search is told that its models were trained apart, and which are not finite', () => {
  expect(warnings).toEqual([expect.stringMatching(/^m0 and m1: these look independently trained/)])
  expect(nonFiniteNotes(nonFinite())).toEqual([
    expect.stringMatching(/^m1 has 1 NaN or infinite element in 1 tensor: W \(1\)/),
  ])
})

test('a search whose soups must be finite is refused for models that are not', () => {
  const { errors } = refusalOf(() => requireFinite(nonFinite(), 'fail'), 'TUREEN_NOT_FINITE')
  expect(errors).toMatchObject([{ model: 'm1', tensor: 'W', message: expect.stringContaining('1 NaN') }])
})
