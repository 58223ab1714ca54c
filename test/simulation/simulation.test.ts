import { describe, expect, test } from 'vitest'
import { randomCases } from '../support/random-cases.ts'
import { mutants } from './mutants.ts'
import { runSeeds } from './run-seeds.ts'

const longest = 900_000
const threads = 2

describe('the simulation of the servers', () => {
  const count = process.env['CI'] ? 1000 : 50
  test(`what was acknowledged holds in ${count} seeds`, { timeout: longest }, async () => {
    const { seeds, failing } = await runSeeds({ first: 1, count, threads })
    expect(failing).toEqual([])
    expect(seeds).toBe(count)
  })

  test('a seed repeats the same run, whatever ran before it', async () => {
    const [alone, behind] = await Promise.all([
      runSeeds({ first: 3, count: 1, threads: 1 }),
      runSeeds({ first: 1, count: 3, threads: 1 }),
    ])
    expect(alone.prints.get(3)).toBeGreaterThan(0)
    expect(alone.prints.get(3)).toBe(behind.prints.get(3))
    expect(new Set(behind.prints.values()).size).toBe(3)
  })

  const planted = Object.entries(mutants)
  test.each(planted.slice(0, randomCases(planted.length)))('finds: %s', { timeout: longest }, async (_, mutant) => {
    const { failing } = await runSeeds({ first: 1, count: 1000, threads, mutant })
    expect(failing[0]?.violation).toMatch(/\w/)
    expect(failing[0]?.trace.at(-1)).toMatch(/VIOLATION/)
  })
})
