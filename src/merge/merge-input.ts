import { blame } from '../errors.ts'
import type { ByteSource } from '../onnx/byte-source.ts'
import { elementSource } from '../onnx/elements.ts'
import type { Layout, TensorEntry } from '../onnx/layout.ts'
import { isMainInitializer } from '../onnx/layout.ts'
import type { WeightRule } from './tensor-sums.ts'

/** How differences are treated where tensors are never averaged: refused, or the base's taken. */
export type NonFloat = 'error' | 'base'

/** What is merged, apart from the files themselves. */
export type MergeSettings = {
  method: 'linear'
  normalize: boolean
  /** Other weights for some of the tensors; of several rules that match one, the first holds. */
  rules: readonly WeightRule[]
  nonFloat: NonFloat
  /** Whether the result says in its metadata how it was made. */
  provenance: boolean
  /** The input whose file the result is made from. */
  base: number
}

/** One file of a merge. `weight` is null for a base that is not averaged itself. `label` is what the caller calls the model. */
export type MergeInput = { label: string; sha256: string; weight: number | null }

/** A merge input that has been indexed. */
export type IndexedInput = MergeInput & { source: ByteSource; layout: Layout }

/** Finds, in another model of the same structure, the tensor that corresponds to one of the base. */
export function counterpartsIn(layout: Layout): (tensor: TensorEntry) => TensorEntry | undefined {
  const byName = new Map<string, TensorEntry>()
  const byPath = new Map<string, TensorEntry>()
  for (const tensor of layout.tensors) {
    if (isMainInitializer(tensor)) byName.set(tensor.name, tensor)
    else byPath.set(tensor.path, tensor)
  }
  return tensor => (isMainInitializer(tensor) ? byName.get(tensor.name) : byPath.get(tensor.path))
}

/** A tensor's elements in one of the inputs, whose damage is then blamed on that model. */
export function elementsOf(tensor: TensorEntry, { source, label }: Pick<IndexedInput, 'source' | 'label'>): ByteSource {
  const elements = elementSource(tensor, source)
  return {
    byteLength: elements.byteLength,
    read(offset, target) {
      try {
        elements.read(offset, target)
      } catch (error) {
        throw blame(error, label)
      }
    },
  }
}

/** The input whose file the result is made from. */
export function baseOf<Input>(inputs: readonly Input[], { base }: { base: number }): Input {
  const input = inputs[base]
  if (!input) throw new RangeError(`there is no input ${base}`)
  return input
}
