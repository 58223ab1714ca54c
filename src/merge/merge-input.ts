import type { OnNonFinite, OutputDtype } from '../../schemas/merge.ts'
import type { RecalibrationRecipe } from '../../schemas/recalibration.ts'
import { blame } from '../errors.ts'
import type { ByteSource } from '../onnx/byte-source.ts'
import { elementSource } from '../onnx/elements.ts'
import type { Layout, TensorEntry } from '../onnx/layout.ts'
import type { ModelFiles } from '../onnx/model-files.ts'
import type { WeightValue } from './gradient.ts'
import type { ParameterValues } from './operation.ts'
import type { TensorRule } from './tensor-rule.ts'

/** How differences are treated where tensors are never averaged: refused, or the base's taken. */
export type NonFloat = 'error' | 'base'

/** What is merged, apart from the files themselves. */
export type MergeSettings = {
  method: string
  /** Those of the method, complete; numbers may be gradients. */
  parameters: ParameterValues
  /** Null where the method has no such choice. */
  normalize: boolean | null
  /** Other settings for some of the tensors; of several rules that match one, the first holds. */
  rules: readonly TensorRule[]
  nonFloat: NonFloat
  /** The type that averaged tensors get; each keeps its own if left out. */
  outputDtype?: OutputDtype
  /** Whether NaN and infinite elements are warned of, or refused; warned of if left out. */
  onNonFinite?: OnNonFinite
  /** Whether the result says in its metadata how it was made. */
  provenance: boolean
  /** The input whose file the result is made from. */
  base: number
  /** Whether that input also takes part in the computation, as the base whose changes are merged. */
  usesBase: boolean
  /** What the statistics of its batch norms are measured on after the merge. */
  recalibrate?: RecalibrationRecipe
  /** How many blocks the network must have, in one stack. */
  blocks?: number
  /** Sentences of the request for the warnings of the report. */
  notes?: readonly string[]
  /** Whether the result is one file, where the base has its weights in others beside it. */
  inline?: boolean
}

/** A merge of which nothing is asked but to be made, from the first input's file. */
export const defaultSettings = {
  method: 'linear',
  parameters: {},
  normalize: true,
  rules: [],
  nonFloat: 'error',
  provenance: false,
  base: 0,
  usesBase: false,
} as const satisfies MergeSettings

/** A merge of a model by itself, which comes out as it is, in one file. */
export const inlineSettings = { ...defaultSettings, inline: true } as const satisfies MergeSettings

/**
 * One file of a merge. `weight` is null for what is not averaged itself: a base, and what says how much the elements of another input
 * count, which `fisherOf` is the place of. `label` is what the caller calls the model.
 */
export type MergeInput = { label: string; sha256: string; weight: WeightValue | null; fisherOf?: number }

/** A merge input that has been indexed. */
export type IndexedInput = MergeInput & ModelFiles & { layout: Layout }

/** The files of a model, and what errors call it. */
export type LabelledFiles = ModelFiles & { label: string }

/** A tensor's elements in one of the inputs, whose damage is then blamed on that model. */
export function elementsOf(tensor: TensorEntry, { source, data, label }: LabelledFiles): ByteSource {
  return blamedSource(label, () => elementSource(tensor, source, data))
}

/** A source of one of the models, whose damage is then blamed on it, be it found at once or on reading. */
export function blamedSource(label: string, open: () => ByteSource): ByteSource {
  const source = blaming(label, open)
  return {
    byteLength: source.byteLength,
    read(offset, target) {
      blaming(label, () => source.read(offset, target))
    },
  }
}

/** The input whose file the result is made from. */
export function baseOf<Input>(inputs: readonly Input[], { base }: { base: number }): Input {
  return inputAt(inputs, base)
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
