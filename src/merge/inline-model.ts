import type { ByteSource } from '../onnx/byte-source.ts'
import type { ModelFiles } from '../onnx/model-files.ts'
import { readLayout } from '../onnx/read-layout.ts'
import { matchInputs } from './match-inputs.ts'
import { defaultSettings, type MergeSettings } from './merge-input.ts'
import { planMerge } from './plan.ts'
import { planSource } from './plan-source.ts'
import { preflight } from './preflight.ts'

/** A merge of a model by itself, which comes out as it is, in one file. */
export const inlineSettings = { ...defaultSettings, inline: true } as const satisfies MergeSettings

/**
 * A model with its external data inside.
 * @throws TureenError `TUREEN_MODEL_INCOMPLETE`; `TUREEN_MODEL_UNSUPPORTED` if it would be 2 GiB or more
 */
export function inlineModel(files: ModelFiles): ByteSource {
  const model = { ...files, layout: readLayout(files.source), label: 'the model', sha256: '', weight: 1 }
  const { inputs } = matchInputs([model], inlineSettings)
  return planSource(planMerge(inputs, inlineSettings, preflight(inputs, inlineSettings)), inputs)
}
