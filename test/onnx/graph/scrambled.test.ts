import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { grownModel } from '../../support/grown-model.ts'
import { differencesOf, fingerprintOfBytes, networkOfBytes } from '../../support/inspecting.ts'
import { tensorsOf } from '../../support/onnx-oracle.ts'
import { perturbed } from '../../support/perturbed.ts'
import { runSeed, seededRandom } from '../../support/random.ts'
import { scramble } from '../../support/scramble.ts'
import { describeShared } from '../../support/shared.ts'
import { rewritableModels } from '../../support/shared-models.ts'
import { soupInMemory } from '../../support/soup.ts'

/** What a model holds where an output depends on it, by path. */
function liveTensors(model: Uint8Array): Map<string, string> {
  const live = new Set(
    networkOfBytes(model).leaves.flatMap(({ tensor, indices }) => [tensor, indices].flatMap(each => each?.path ?? [])),
  )
  return new Map(tensorsOf(model).flatMap(({ path, bytes }) => (live.has(path) ? [[path, bytes.toString('hex')]] : [])))
}

/** A model beside a scrambled one whose weights are others: the same network, and the same soup. */
function expectUnchanged(model: Uint8Array, seed: number): number {
  const { other } = perturbed(model)
  const scrambled = scramble(other, seededRandom(seed))
  expect(fingerprintOfBytes(scrambled)).toBe(fingerprintOfBytes(model))
  expect(differencesOf(model, scrambled)).toEqual([])
  const soups = [other, scrambled].map(bytes =>
    soupInMemory([
      { bytes: model, weight: 1 },
      { bytes, weight: 3 },
    ]),
  )
  const [plain, across] = soups.map(liveTensors)
  expect(across).toEqual(plain)
  return plain?.size ?? 0
}

describe('a model that is written otherwise throughout, other names on everything', () => {
  test('has the same fingerprint and makes the same soup, whatever the model', () => {
    fc.assert(
      fc.property(grownModel, fc.nat(), (model, seed) => {
        expectUnchanged(model, seed)
      }),
      { numRuns: 150 },
    )
  })
})

describeShared('real models, written otherwise throughout', () => {
  test(`have the same fingerprint and make the same soups (seed ${runSeed})`, () => {
    let models = 0
    let tensors = 0
    for (const { file, bytes } of rewritableModels(600_000)) {
      try {
        tensors += expectUnchanged(bytes, runSeed)
        models += 1
      } catch (error) {
        throw new Error(file, { cause: error })
      }
    }
    expect(models).toBeGreaterThan(100)
    expect(tensors).toBeGreaterThan(500)
  })
})
