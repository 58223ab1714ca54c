import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createSoupMaker, type SoupMaker } from '../../../src/evaluate/child/soup-maker.ts'
import { soupMerge } from '../../../src/jobs/search-soups.ts'
import type { CandidateSoup } from '../../../src/merge/candidate-plan.ts'
import { defaultSettings, type MergeSettings } from '../../../src/merge/merge-input.ts'
import { filesOf, mergeInputs, type SearchInputs } from '../../../src/merge/merge-inputs.ts'
import { methodSettings } from '../../../src/merge/method-settings.ts'
import { methods } from '../../../src/merge/methods/merge-method-registry.ts'
import { methodParameters } from '../../../src/merge/methods/method-schema.ts'
import { readBytes } from '../../../src/onnx/byte-source.ts'
import { startMerge } from '../../../src/threads/merge-task.ts'
import type { MergeFile } from '../../../src/threads/open-inputs.ts'
import { planBase, planSearch } from '../../../src/threads/search-task.ts'
import { workControl } from '../../../src/threads/work-control.ts'
import { externalModel, type ModelInFiles } from '../../support/external-model.ts'
import { linearModel } from '../../support/onnx-model.ts'
import { digest } from '../../support/soup.ts'

let directory: string
let made = 0
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'tureen-soups-'))
})
afterAll(() => rmSync(directory, { recursive: true }))

/** Numbers that differ from seed to seed in the order of their sizes and in their signs. */
const numbers = (seed: number, count: number) =>
  Array.from({ length: count }, (_, place) => Math.fround(Math.sin((place + 1) * (seed + 1.5)) * 2 + 0.25 * seed))
const model = (seed: number) => linearModel(numbers(seed, 64 * 8), numbers(seed + 40, 8))

function fileOf(bytes: Uint8Array, label: string, data: Record<string, Uint8Array> = {}): MergeFile {
  made += 1
  const path = join(directory, `${made}.onnx`)
  writeFileSync(path, bytes)
  const beside = Object.entries(data).map(([location, content], index) => {
    const own = `${path}.data${index}`
    writeFileSync(own, content)
    return { location, path: own }
  })
  return { label, sha256: digest(Buffer.concat([bytes, ...Object.values(data)])), path, data: beside }
}

type Search = { inputs: SearchInputs<MergeFile>; settings: MergeSettings }

/** The files of a soup: made as an evaluator does, and merged as the server makes a winner. */
function bothWays(search: Search, soup: CandidateSoup, make: SoupMaker): { made: Buffer[]; merged: Buffer[] } {
  made += 1
  const own = join(directory, `${made}`)
  mkdirSync(own)
  const plan = join(own, 'plan')
  const base = search.inputs.base === null ? (soup.members[0] ?? 0) : 0
  if (base > 0) planBase({ ...search, base, output: plan })
  else planSearch({ ...search, output: plan })
  const { models, base: common, companions } = search.inputs
  const inputs = filesOf(mergeInputs(models, common, companions))
  const source = { inputs, plans: new Map([[base, plan]]), settings: search.settings, calibration: null }
  const { bytes, data } = make({ soup, base, recalibrated: false }, source)
  const beside = [...data.values()].map(file => Buffer.from(readBytes(file, 0, file.byteLength)))
  const winner = soupMerge(soup, search, false)
  const started = startMerge(winner.inputs, winner.settings, join(own, 'soup.onnx'), false, workControl())
  const files = 'merged' in started ? started.merged.files : []
  return { made: [Buffer.from(bytes), ...beside], merged: files.map(({ path }) => readFileSync(path)) }
}

function searchBy(method: string, settings: Partial<MergeSettings> = {}, parameters: object = {}): Search {
  const described = methods.get(method)
  if (!described) throw new Error(`there is no method ${method}`)
  const count = described.models.max ?? 4
  const models = Array.from({ length: count }, (_, seed) => ({ ...fileOf(model(seed), `m${seed}`), weight: 1 }))
  const hasBase = described.base !== 'none'
  const base = hasBase ? fileOf(model(20), 'base') : null
  const companions = described.fisher ? models.map((_, seed) => fileOf(fisherOf(seed), `fisher ${seed}`)) : []
  const { properties } = methodParameters(described).toJSONSchema()
  const needed = Object.entries({ density: 0.5, t: 0.3, alpha: 0.3 }).filter(([name]) => name in Object(properties))
  const request = { method, parameters: { ...Object.fromEntries(needed), ...parameters }, rules: [] }
  const own = methodSettings(request, { weights: models.map(() => 1), hasBase, fishers: companions.length })
  return { inputs: { models, base, companions }, settings: { ...defaultSettings, ...own, ...settings } }
}

const fisherOf = (seed: number) =>
  linearModel(numbers(seed + 60, 64 * 8).map(Math.abs), numbers(seed + 70, 8).map(Math.abs))

const soupOf = (members: number[], weights = members.map(() => 1)): CandidateSoup => ({ members, weights, rules: [] })

describe('a soup that an evaluator makes', () => {
  test.each([...methods.keys()])('by %s has the bytes of the merge of its winner', method => {
    const search = searchBy(method)
    const make = createSoupMaker()
    const { min, max } = methods.get(method)?.models ?? { min: 1, max: null }
    const sets = [[0, 1, 2, 3].slice(0, max ?? 4), [1, 3], [2, 3], [1]].filter(
      members => members.length === 1 || (members.length >= min && members.every(member => member < (max ?? 4))),
    )
    for (const members of sets) {
      if (members.some(member => member >= search.inputs.models.length)) continue
      const { made, merged } = bothWays(search, soupOf(members), make)
      expect(made.length).toBe(1)
      expect(made[0]?.equals(merged[0] ?? Buffer.of()), `${members}`).toBe(true)
    }
  })

  test('has it also with weights, groups and another type', () => {
    const rules = [{ match: 'W', weights: [1, 1, 1, 1] }]
    const search = searchBy('linear', { rules, outputDtype: 'float16' })
    const soup = { members: [1, 2], weights: [0.25, 0.75], rules: [{ match: 'W', weights: [0.9, 0.1] }] }
    const { made, merged } = bothWays(search, soup, createSoupMaker())
    expect(made[0]?.equals(merged[0] ?? Buffer.of())).toBe(true)
  })

  test('has the data files of that merge where its models have some', () => {
    const external = ({ main, data }: ModelInFiles, seed: number) => ({ ...fileOf(main, `m${seed}`, data), weight: 1 })
    const models = [0, 1, 2].map(seed => external(externalModel(numbers(seed, 4), numbers(seed + 9, 2)), seed))
    const search = { inputs: { models, base: null, companions: [] }, settings: defaultSettings }
    const { made, merged } = bothWays(search, soupOf([1, 2]), createSoupMaker())
    expect(made.length).toBeGreaterThan(1)
    expect(made).toEqual(merged)
  })

  test('of another size than the one before has no byte of it', () => {
    const make = createSoupMaker()
    const search = searchBy('linear')
    const models = [0, 1].map(seed => ({
      ...fileOf(
        linearModel(numbers(seed, 64 * 8), numbers(seed + 40, 8), each => {
          each.docString = seed === 0 ? 'long '.repeat(200) : ''
        }),
        `n${seed}`,
      ),
      weight: 1,
    }))
    const mixed = { ...search, inputs: { ...search.inputs, models } }
    for (const members of [[0, 1], [1], [0]]) {
      const { made, merged } = bothWays(mixed, soupOf(members), make)
      expect(made[0]?.equals(merged[0] ?? Buffer.of()), `${members}`).toBe(true)
    }
  })
})
