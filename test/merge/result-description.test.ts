import { expect, test } from 'vitest'
import { TureenError } from '../../src/errors.ts'
import { memorySource } from '../../src/onnx/byte-source.ts'
import { type InspectedModel, inspectModel } from '../../src/onnx/graph/inspect-model.ts'
import { readLayout } from '../../src/onnx/read-layout.ts'
import { type CostlyModel, costlyModels } from '../support/costly-models.ts'
import { soupInMemory } from '../support/soup.ts'

function inspected(bytes: Uint8Array): InspectedModel {
  const source = memorySource(bytes)
  return inspectModel({ layout: readLayout(source), source, data: new Map() })
}

/** The soup of two models of one kind; null if these cannot be merged. */
function soupOf(models: readonly Uint8Array[]): Buffer | null {
  try {
    const inputs = models.map((bytes, seed) => ({ bytes, weight: seed + 1, sha256: `sha256:${seed}` }))
    return soupInMemory(inputs, { provenance: true })
  } catch (error) {
    if (error instanceof TureenError) return null
    throw error
  }
}

const kinds = Object.keys(costlyModels).filter((name): name is CostlyModel => name in costlyModels)

test('an inspection of a result finds what that of its base did, but for the bytes', () => {
  const compared = kinds.filter(kind => {
    const models = [0, 1].map(seed => costlyModels[kind](12, seed))
    const [base] = models
    const soup = soupOf(models)
    if (!base || !soup) return false
    expect(inspected(soup), kind).toEqual({ ...inspected(base), bytes: soup.byteLength })
    return true
  })
  expect(compared.length).toBeGreaterThan(kinds.length / 2)
})
