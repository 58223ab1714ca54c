import fc from 'fast-check'
import onnxProto from 'onnx-proto'
import { describe, expect, test } from 'vitest'
import { TureenError } from '../../../src/errors.ts'
import { outcomeOf } from '../../support/catalogue.ts'
import { damagesOf } from '../../support/damage-graph.ts'
import type { Damage } from '../../support/damage-values.ts'
import { grownModel } from '../../support/grown-model.ts'
import { differencesOf, fingerprintOfBytes, networkOfBytes } from '../../support/inspecting.ts'
import { type Random, runSeed, seededRandom } from '../../support/random.ts'
import { encodeModel } from '../../support/rich-model.ts'
import { describeShared } from '../../support/shared.ts'
import { rewritableModels } from '../../support/shared-models.ts'
import { planInMemory } from '../../support/soup.ts'

/** Damages of one model that went unnoticed, and how many were tried, by kind. */
type Tried = { unnoticed: string[]; byKind: Map<string, number>; otherInputs: number }

function tryDamages(bytes: Uint8Array, random: Random, most: number, tried: Tried, label = ''): void {
  const model = onnxProto.onnx.ModelProto.decode(bytes)
  const base = encodeModel(model)
  const fingerprint = fingerprintOfBytes(base)
  for (const damage of random.shuffled(damagesOf(model)).slice(0, most)) {
    const undo = damage.apply()
    const other = encodeModel(model)
    undo()
    tried.byKind.set(damage.kind, (tried.byKind.get(damage.kind) ?? 0) + 1)
    const why = unnoticed(base, fingerprint, other, damage)
    if (why === undefined) continue
    // An input that nothing reads any more is no part of the network, and the one that is read in its place is as good as it.
    if (inputsOf(base) !== inputsOf(other)) tried.otherInputs += 1
    else tried.unnoticed.push(`${label} ${damage.what}: ${why}`)
  }
  expect(encodeModel(model)).toEqual(base)
}

function unnoticed(base: Uint8Array, fingerprint: string, other: Uint8Array, damage: Damage): string | undefined {
  const { kind, isIndexed } = damage
  const outcome = outcomeOf(() => fingerprintOfBytes(other))
  if (outcome instanceof TureenError) return undefined
  if (isIndexed && outcome === fingerprint) return 'has the same fingerprint'
  const isRefused = () =>
    outcomeOf(() =>
      planInMemory([
        { bytes: base, weight: 1 },
        { bytes: other, weight: 1 },
      ]),
    ) instanceof TureenError
  const isSaid = kind === 'value' ? isRefused() : differencesOf(base, other).length > 0 || isRefused()
  return isSaid ? undefined : 'no difference is reported'
}

function inputsOf(bytes: Uint8Array): string {
  return JSON.stringify(networkOfBytes(bytes).inputs.map(({ name }) => name))
}

const nothing = (): Tried => ({ unnoticed: [], byKind: new Map(), otherInputs: 0 })

describe('one change of an attribute, an edge, a dimension, a type or an integer', () => {
  test('gives a model another fingerprint and is reported, whatever the model', () => {
    const tried = nothing()
    fc.assert(
      fc.property(grownModel, fc.nat(), (model, seed) => {
        tryDamages(model, seededRandom(seed), 12, tried)
        const { unnoticed } = tried
        tried.unnoticed = []
        expect(unnoticed).toEqual([])
      }),
      { numRuns: 60 },
    )
    expect([...tried.byKind.keys()].sort()).toEqual(['attribute', 'dim', 'dtype', 'edge', 'operator', 'value'])
  })
})

describeShared('one change of a real model', () => {
  test(`gives it another fingerprint and is reported (seed ${runSeed})`, () => {
    const tried = nothing()
    for (const { file, bytes } of rewritableModels(60_000)) tryDamages(bytes, seededRandom(runSeed), 10, tried, file)
    expect(tried.unnoticed).toEqual([])
    const total = [...tried.byKind.values()].reduce((sum, count) => sum + count, 0)
    expect(total).toBeGreaterThan(700)
    expect(tried.otherInputs).toBeLessThan(total / 50)
  })
})
