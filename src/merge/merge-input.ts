import type { OnNonFinite, OutputDtype } from '../../schemas/merge.ts'
import type { RecalibrationRecipe } from '../../schemas/recalibration.ts'
import { blame } from '../errors.ts'
import type { ByteSource } from '../onnx/byte-source.ts'
import { elementSource } from '../onnx/elements.ts'
import type { ModelFiles } from '../onnx/external-data.ts'
import type { Layout, TensorEntry } from '../onnx/layout.ts'
import type { ParameterValues } from './operation.ts'
import type { TensorRule } from './tensor-rule.ts'

/**
 * The treatment of differences in tensors that are never averaged: `error` refuses them, `base` takes the base's
 * values.
 */
export type NonFloat = 'error' | 'base'

/** The settings of a merge, without its files. */
export type MergeSettings = {
  method: string
  /** Parameters of the method, complete. Numbers may be gradients. */
  parameters: ParameterValues
  /** Null if the method has no such choice. */
  normalize: boolean | null
  /** Other settings for some tensors. Of several rules that match a tensor, the first counts. */
  rules: readonly TensorRule[]
  nonFloat: NonFloat
  /** The type of averaged tensors in the result. By default, each keeps its own. */
  outputDtype?: OutputDtype
  /** Warn of NaN and infinite elements (the default), or fail. */
  onNonFinite?: OnNonFinite
  /** True to write the recipe into the metadata of the result. */
  provenance: boolean
  /** True if the base also takes part in the computation, as the model whose changes are merged. */
  usesBase: boolean
  /** The data on which the statistics of the batch norms are measured after the merge. */
  recalibrate?: RecalibrationRecipe
  /** The number of blocks that the network must have, in one stack. */
  blocks?: number
  /** Sentences about the request, for the warnings of the report. */
  notes?: readonly string[]
  /** True for a result of one file, even if the base has external data. */
  inline?: boolean
}

/** The settings of a plain merge. */
export const defaultSettings = {
  method: 'linear',
  parameters: {},
  normalize: true,
  rules: [],
  nonFloat: 'error',
  provenance: false,
  usesBase: false,
} as const satisfies MergeSettings

/** The settings of a merge of one model by itself: the result is the same model in one file. */
export const inlineSettings = { ...defaultSettings, inline: true } as const satisfies MergeSettings

/** A file of a merge. `label`: what the caller calls the model. */
export type MergeInput = { label: string; sha256: string }

/** A merge input that has been indexed. */
export type IndexedInput = MergeInput & ModelFiles & { layout: Layout }

/** The files of a model, and its name in errors. */
export type LabelledFiles = ModelFiles & { label: string }

/** Returns a tensor's elements in one of the inputs. Errors on reading name that model. */
export function elementsOf(tensor: TensorEntry, { source, data, label }: LabelledFiles): ByteSource {
  return blamedSource(label, () => elementSource(tensor, source, data))
}

/** Returns a source of one of the models. Errors on opening or reading name that model. */
export function blamedSource(label: string, open: () => ByteSource): ByteSource {
  const source = blaming(label, open)
  return {
    byteLength: source.byteLength,
    read(offset, target) {
      blaming(label, () => source.read(offset, target))
    },
  }
}

/** @throws RangeError if there is no such input */
export function inputAt<Input>(inputs: readonly Input[], index: number): Input {
  const input = inputs[index]
  if (input === undefined) throw new RangeError(`there is no input ${index}`)
  return input
}

function blaming<Result>(label: string, run: () => Result): Result {
  try {
    return run()
  } catch (error) {
    throw blame(error, label)
  }
}
