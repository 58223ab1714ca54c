import { matchInputs } from '../../src/merge/match-inputs.ts'
import { defaultSettings, type IndexedInput } from '../../src/merge/merge-input.ts'
import { filesOf, type MergeInputs, mergeInputs } from '../../src/merge/merge-inputs.ts'
import { planMerge } from '../../src/merge/plan.ts'
import { planSource } from '../../src/merge/plan-source.ts'
import { preflight } from '../../src/merge/preflight.ts'
import { type ByteSource, readBytes } from '../../src/onnx/byte-source.ts'
import { type ModelFiles, requireOwnData } from '../../src/onnx/external-data.ts'
import { inspectModel } from '../../src/onnx/graph/inspect-model.ts'
import type { TensorEntry } from '../../src/onnx/layout.ts'
import { readLayout } from '../../src/onnx/read-layout.ts'
import { describeTensor } from '../../src/onnx/skeleton.ts'
import { checkedPlan } from '../../src/threads/checked-plan.ts'

/** All that the corpus and fuzzing tools use of the project itself, in one place. */

export type { ModelFiles } from '../../src/onnx/external-data.ts'

/** Indexes, checks and describes a model as an upload does. @returns the locations of the external data that it names */
export function inspect(source: ByteSource): string[] {
  const layout = readLayout(source)
  layout.tensors.forEach(describeTensor)
  return inspectModel({ layout, source, data: new Map() }).externalData
}

/** Fingerprints a model with its external data, as the upload of the last of it does. */
export function fingerprint({ source, data }: ModelFiles): string {
  return inspectModel({ layout: readLayout(source), source, data }).fingerprint ?? ''
}

/** Checks external data against the model that names them, as their upload does. */
export function acceptData({ source, data }: ModelFiles): void {
  requireOwnData(readLayout(source), data)
}

/** The soup of two models, half of each, in the first one's form, compared as if they were two although they may be one. */
export function soupOf(base: ModelFiles, other: ModelFiles): ModelFiles {
  const inputs = indexed([base, other])
  const merged = planSource(checkedPlan(inputs, defaultSettings).plan, filesOf(inputs))
  return { source: merged, data: merged.data }
}

/**
 * The tensors of a model that a soup averages, those included that would be carried because the models agree in them: what a
 * perturbed copy differs in.
 */
export function averagedTensors(model: ModelFiles): TensorEntry[] {
  const { inputs } = matchInputs(indexed([model, model]))
  const plan = planMerge(inputs, defaultSettings, {
    ...preflight(inputs),
    identical: new Set(),
  })
  return plan.tensors.flatMap(({ sources: [tensor] }) => (tensor ? [tensor] : []))
}

/** A whole file in memory. */
export function contentOf(source: ByteSource): Buffer {
  return Buffer.from(readBytes(source, 0, source.byteLength).buffer)
}

function indexed(models: readonly ModelFiles[]): MergeInputs<IndexedInput> {
  return mergeInputs(
    models.map(({ source, data }, index) => ({
      source,
      data,
      layout: readLayout(source),
      label: `model ${index}`,
      sha256: `sha256:${index}`,
      weight: 1,
    })),
  )
}
