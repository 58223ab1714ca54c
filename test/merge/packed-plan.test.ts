import { expect, test } from 'vitest'
import { defaultSettings } from '../../src/merge/merge-input.ts'
import type { MergePlan } from '../../src/merge/merge-plan.ts'
import { checkedPlan } from '../../src/threads/checked-plan.ts'
import { checkOf, serializedCheck } from '../../src/threads/share-inputs.ts'
import { type CostlyModel, costlyModels } from '../support/costly-models.ts'
import type { SoupSettings } from '../support/soup.ts'
import { indexedInMemory } from '../support/soup.ts'

const kinds = [
  'tensors in a chain of products',
  'tensors as lists of floats',
  'layers with biases',
  'layers and reshapes',
  'batch norms',
] satisfies CostlyModel[]

// Soups in memory pass their plans on in the same way, so that all other tests of merges cover them.
/** Plans a merge of two models of a kind, and passes it on as to another thread. */
function passedOn(kind: CostlyModel, settings: SoupSettings): { plan: MergePlan; passed: MergePlan } {
  const models = [0, 1].map(seed => ({ bytes: costlyModels[kind](6, seed), weight: 1 }))
  const checked = checkedPlan(indexedInMemory(models), { ...defaultSettings, ...settings })
  return { plan: checked.plan, passed: checkOf(serializedCheck(checked)).plan }
}

test.each(kinds)('a plan is the same in another thread: %s', kind => {
  for (const settings of [
    {},
    { outputDtype: 'float64' },
    { method: 'ties', parameters: { density: 0.5, lambda: 1, trim: 'tensor' } },
  ] as const) {
    const { plan, passed } = passedOn(kind, settings)
    expect(plan.tensors.length).toBeGreaterThan(0)
    expect(passed).toEqual(plan)
  }
})
