import { expect, test } from 'vitest'
import { searchFindings } from '../../src/jobs/search-findings.ts'

const findings = { warnings: ['m0 and m1: these look independently trained'] }
const nonFinite = { models: [{ model: 'm1', tensors: [{ tensor: 'W', elements: 1 }] }], overflows: [], result: 0 }
const failed = () => Promise.reject(new Error('timeout'))

test('a search tells which models are not finite before how they were paired', async () => {
  const { warnings } = await searchFindings(Promise.resolve({ findings }), Promise.resolve(nonFinite))
  expect(warnings).toEqual([expect.stringMatching(/^m1 has 1 NaN/), ...findings.warnings])
})

test('a search of models that cannot be read any more has no findings', async () => {
  const all = failed()
  expect(await searchFindings(all, all)).toEqual({ warnings: [] })
})

test('a search fails where NaN could not be looked for in models that can be read', async () => {
  await expect(searchFindings(Promise.resolve({ findings }), failed())).rejects.toThrow('timeout')
})
