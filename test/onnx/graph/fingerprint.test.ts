import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { TureenError } from '../../../src/errors.ts'
import { anyModel } from '../../support/any-model.ts'
import { outcomeOf } from '../../support/catalogue.ts'
import { differencesOf, fingerprintOfBytes, isReordering } from '../../support/inspecting.ts'
import { neutralChanges } from '../../support/neutral-changes.ts'
import type { Change } from '../../support/rich-changes.ts'
import { encodeModel, richModel } from '../../support/rich-model.ts'
import { soupInMemory } from '../../support/soup.ts'
import { structuralChanges } from '../../support/structure-changes.ts'

describe('the fingerprint', () => {
  test('is equal exactly where the comparison finds nothing', () => {
    const neutral = Object.values(neutralChanges)
    const changes = [...neutral, ...structuralChanges.map(([, change]) => change)]
    const some = fc.oneof(fc.subarray(changes, { maxLength: 3 }), fc.subarray(neutral, { maxLength: 3 }))
    const outcomes = { equal: 0, different: 0 }
    const apply = (some: Change[]) =>
      richModel(model => {
        // Two changes may get into each other's way; what counts is that some model comes out.
        for (const change of some) {
          try {
            change(model)
          } catch {}
        }
      })
    fc.assert(
      fc.property(some, some, fc.boolean(), (first, second, same) => {
        const [a, b] = [apply(first), apply(same ? [...first].reverse() : second)]
        const found = [outcomeOf(() => differencesOf(a, b)), outcomeOf(() => differencesOf(b, a))]
        // Two changes may make a graph that is none; the comparison and the fingerprint refuse it both.
        if (found.some(each => each instanceof TureenError)) {
          const prints = [a, b].map(each => outcomeOf(() => fingerprintOfBytes(each)))
          expect(prints.some(each => each instanceof TureenError)).toBe(true)
          return
        }
        const equal = fingerprintOfBytes(a) === fingerprintOfBytes(b)
        outcomes[equal ? 'equal' : 'different'] += 1
        for (const each of found) expect(each instanceof TureenError || (each.length === 0) === equal).toBe(true)
      }),
      { numRuns: 500 },
    )
    expect(Math.min(outcomes.equal, outcomes.different)).toBeGreaterThan(20)
  })

  test('of any two models is equal only where the comparison finds nothing, and wherever they make a soup', () => {
    fc.assert(
      fc.property(anyModel, anyModel, (first, second) => {
        const [a, b] = [encodeModel(first), encodeModel(second)]
        const equal = fingerprintOfBytes(a) === fingerprintOfBytes(b)
        // One tensor for two is no matter of what the network computes.
        const differences = differencesOf(a, b).filter(({ message }) => !message.includes('one tensor there'))
        if (equal) expect(differences).toEqual([])
        const inputs = [a, b].map(bytes => ({ bytes, weight: 1 }))
        const isSoup = !(outcomeOf(() => soupInMemory(inputs)) instanceof TureenError)
        if (isSoup && !isReordering(a, b)) expect(equal).toBe(true)
      }),
      { numRuns: 300 },
    )
  })

  test('does not change between versions unnoticed', () => {
    expect(fingerprintOfBytes(richModel())).toBe(fingerprintOfBytes(richModel()))
    expect(fingerprintOfBytes(richModel())).toMatch(/^sha256:[0-9a-f]{64}$/)
  })
})
