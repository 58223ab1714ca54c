import { expect, test, vi } from 'vitest'
import { runSeed } from '../support/random.ts'
import { fuzzInput } from './fuzz-input.ts'
import { fuzzModels } from './run-fuzz.ts'

const count = 1500

test(`${count} damaged models (seed ${runSeed}) each end in a result or an error of the catalogue, soon and in little memory`, async () => {
  const { ended, findings } = await fuzzModels(runSeed, count, 1)
  const found = findings.map(({ index, kind, reason }) => {
    const { what, model } = fuzzInput(runSeed, index)
    return `${kind}, index ${index} (${what}): ${reason}\n${model.subarray(0, 4096).toString('base64')}`
  })
  expect(found).toEqual([])
  const numberOf = (end: string) =>
    Object.entries(ended).reduce((sum, [name, times]) => sum + (name.startsWith(end) ? times : 0), 0)
  expect(numberOf('accepted') + numberOf('refused')).toBe(count)
  expect(numberOf('accepted, soup identical')).toBeGreaterThan(count / 20)
  expect(numberOf('refused')).toBeGreaterThan(count / 20)
}, 120_000)

test('the start of a process is no hang, however long it takes', async () => {
  const sleep = 'Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5000)'
  vi.stubEnv('NODE_OPTIONS', `--import=data:text/javascript,${encodeURIComponent(sleep)}`)
  try {
    const { findings } = await fuzzModels(1, 3, 1, undefined, 3000)
    expect(findings).toEqual([])
  } finally {
    vi.unstubAllEnvs()
  }
}, 300_000)
