import { describe, expect, test } from 'vitest'
import { TureenError } from '../../src/errors.ts'
import { memorySource } from '../../src/onnx/byte-source.ts'
import { type CostlyModel, costlyModels } from '../support/costly-models.ts'
import { differencesOf, inspectSource } from '../support/inspecting.ts'
import { threadCost } from '../support/processor-time.ts'
import { soupInMemory } from '../support/soup.ts'

const few = 800
const times = 4
/** What is linear takes 4 times as long for 4 times as many, what is quadratic 16 times. */
const mostGrowth = 8
/** Less than this is noise, whatever it grows by. */
const noiseMilliseconds = 150

/** Milliseconds of this thread's processor that something takes. A refusal of the models is one way to end. */
function cost(run: () => unknown): number {
  return threadCost(() => {
    try {
      run()
    } catch (error) {
      if (!(error instanceof TureenError)) throw error
    }
  })
}

/** The least of up to three growths: the first one may have waited for the compiler or the collector. */
function growthOf(runOn: (count: number) => () => unknown): number {
  let least = Number.POSITIVE_INFINITY
  for (let attempt = 0; attempt < 3 && least >= mostGrowth; attempt += 1) {
    const [small, large] = [runOn(few), runOn(few * times)].map(cost)
    least = Math.min(least, (large ?? 0) / Math.max(small ?? 0, noiseMilliseconds / times))
  }
  return least
}

const names = Object.keys(costlyModels).filter((name): name is CostlyModel => name in costlyModels)

describe.each(names)('%s', name => {
  const make = costlyModels[name]

  test('an inspection costs as the model grows', () => {
    const growth = growthOf(count => {
      const source = memorySource(make(count))
      return () => inspectSource(source)
    })
    expect(growth).toBeLessThan(mostGrowth)
  })

  test('a merge costs as the models grow', () => {
    const growth = growthOf(count => {
      const models = [0, 1].map(seed => ({ bytes: make(count, seed), weight: 1, sha256: `sha256:${seed}` }))
      return () => soupInMemory(models)
    })
    expect(growth).toBeLessThan(mostGrowth)
  })

  test('a comparison with a model that has one more costs as the models grow', () => {
    const growth = growthOf(count => {
      const [base, other] = [make(count), make(count + 1, 1)]
      return () => differencesOf(base, other)
    })
    expect(growth).toBeLessThan(mostGrowth)
  })
})
