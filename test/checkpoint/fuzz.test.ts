import { describe, expect, test } from 'vitest'
import { fuzzCheckpoints } from '../support/checkpoint-fuzz.ts'
import { runSeed } from '../support/random.ts'

const files = 20_000

describe(`checkpoints (seed ${runSeed})`, () => {
  test(`of which ${files} are damaged each end in a result or a refusal, at once and in little memory`, () => {
    const { accepted, refused } = fuzzCheckpoints('damaged', files)
    expect(Math.min(accepted, refused)).toBeGreaterThan(files / 20)
  }, 600_000)

  test(`with ${files} hostile pickles each end in a result or a refusal, at once and in little memory`, () => {
    const { accepted, refused } = fuzzCheckpoints('hostile', files)
    expect(accepted).toBeGreaterThan(files / 100)
    expect(refused).toBeGreaterThan(files / 2)
  }, 600_000)
})
