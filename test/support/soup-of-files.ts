import { defaultSettings, type IndexedInput, type MergeSettings } from '../../src/merge/merge-input.ts'
import { filesOf, mergeInputs } from '../../src/merge/merge-inputs.ts'
import { planSource } from '../../src/merge/plan-source.ts'
import { prepare } from '../../src/merge/prepare.ts'
import type { ModelFiles } from '../../src/onnx/external-data.ts'
import { readLayout } from '../../src/onnx/read-layout.ts'
import { checkedPlan } from '../../src/threads/checked-plan.ts'

/** A model of a soup with its external data. Its weight is null if it only provides its file. */
export type Ingredient = { files: ModelFiles; weight: number | null }

/** Makes a soup in the file of the first model. @returns it with its warnings; models are compared even if two are one file */
export function soupOfIngredients(
  ingredients: readonly Ingredient[],
  more: Partial<MergeSettings> = {},
): { files: ModelFiles; warnings: string[] } {
  const settings: MergeSettings = {
    ...defaultSettings,
    ...more,
  }
  const files = ingredients.map(({ files: { source, data } }, index): IndexedInput => {
    return { source, data, layout: readLayout(source), label: `model ${index}`, sha256: `sha256:${index}` }
  })
  const models = files.flatMap((file, index) => {
    const weight = ingredients[index]?.weight ?? null
    return weight === null ? [] : [{ ...file, weight }]
  })
  const inputs = mergeInputs(models, files[0])
  const all = filesOf(inputs)
  const { plan, expected } = checkedPlan(inputs, settings)
  const merged = planSource(prepare(plan, all).plan, all)
  return { files: { source: merged, data: merged.data }, warnings: expected.findings.warnings }
}
