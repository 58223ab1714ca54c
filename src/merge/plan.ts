import { TureenError } from '../errors.ts'
import type { TensorEntry } from '../onnx/layout.ts'
import { type Edit, splice } from '../onnx/splice.ts'
import { dtypeName } from '../tensor/dtype.ts'
import type { WeightedSum } from '../tensor/weighted-sum.ts'
import { dataFiles } from './data-files.ts'
import type { MatchedInput } from './match-inputs.ts'
import { baseOf, type MergeSettings } from './merge-input.ts'
import { type PlannedFile, type PlanPart, plannedFile } from './plan-parts.ts'
import type { Preflight } from './preflight.ts'
import { provenanceEdits } from './provenance.ts'
import { inlineEdits, tensorEdits } from './tensor-edits.ts'
import { tensorSums } from './tensor-sums.ts'

/** A tensor of the result that is computed, and how. `sources`: it in each averaged model, in recipe order. */
export type PlannedTensor = {
  name: string
  dtype: string
  elements: number
  sources: readonly TensorEntry[]
  sum: WeightedSum
}

/**
 * The merged model before any of it is computed: where each byte of each file comes from. `inputs` are the averaged ones, as indices
 * into the merge's inputs, in recipe order.
 */
export type MergePlan = {
  main: PlannedFile
  /** The data files beside it, by location: those of the base, or none if all weights are in the one file. */
  data: ReadonlyMap<string, PlannedFile>
  tensors: PlannedTensor[]
  inputs: number[]
  base: number
  /** Tensors that stay as they stand in the base, and the NaN and infinite elements of the identical ones. */
  carried: { identical: number; nonFloat: number; nonFinite: number }
}

/**
 * Plans a merge of models that have passed the structure comparison and the preflight. Pure and without a payload byte read.
 *
 * @throws TureenError `TUREEN_WEIGHTS_INVALID`, `TUREEN_RULE_UNMATCHED`, `TUREEN_MODELS_DIFFER`, `TUREEN_MODEL_UNSUPPORTED` where
 *   tensors share bytes of a data file without being one, or where one file would be too large
 */
export function planMerge(
  inputs: readonly MatchedInput[],
  settings: MergeSettings,
  { averaged: weights, identical, identicalNonFinite }: Omit<Preflight, 'problems'>,
): MergePlan {
  const base = baseOf(inputs, settings)
  const averaged = inputs.flatMap((input, index) =>
    input.weight === null ? [] : [{ input, index, weight: input.weight }],
  )
  const sums = tensorSums(
    averaged.map(({ weight }) => weight),
    settings,
  )
  const tensors: PlannedTensor[] = []
  const edits: Edit<PlanPart>[] = []
  const data = dataFiles(base)
  const carried = { identical: 0, nonFloat: 0, nonFinite: settings.normalize ? identicalNonFinite : 0 }
  for (const tensor of base.layout.tensors) {
    const isWeight = weights.has(tensor.path)
    const name = tensor.name || tensor.path
    const sources = averaged.flatMap(({ input }) => input.counterpart(tensor) ?? [])
    // What no output depends on need not be in every model, and stays where it is not.
    const sum = isWeight && sources.length === averaged.length ? sums.of(name) : null
    if (!sum || (sum.keepIdentical && identical.has(tensor.path))) {
      carried[isWeight ? 'identical' : 'nonFloat'] += 1
      if (tensor.payload.form !== 'external') continue
      if (settings.inline) edits.push(...inlineEdits(tensor, tensor.payload, null))
      else data.carry(tensor, tensor.payload)
      continue
    }
    if (tensor.payload.form !== 'external') edits.push(...tensorEdits(tensor, tensors.length))
    else if (settings.inline) edits.push(...inlineEdits(tensor, tensor.payload, tensors.length))
    else if (!data.replace(tensor, tensor.payload, tensors.length, sources)) continue
    tensors.push({ name, dtype: dtypeName(tensor.dataType), elements: tensor.elements, sources, sum })
  }
  sums.requireAllMatched()
  edits.push(...provenanceEdits(base.layout, inputs, settings))
  const main = plannedFile(splice(base.layout, edits))
  if (settings.inline) requireOneFile(main.byteLength)
  return {
    main,
    data: settings.inline ? new Map() : data.files(),
    tensors,
    inputs: averaged.map(({ index }) => index),
    base: settings.base,
    carried,
  }
}

/** What protobuf's own readers take; they count in 32 bits, with a sign. */
export const largestFile = 2 ** 31 - 1

function requireOneFile(bytes: number): void {
  if (bytes <= largestFile) return
  throw new TureenError(
    'TUREEN_MODEL_UNSUPPORTED',
    `As one file the model would have ${bytes} bytes, and protobuf takes ${largestFile}. Download it with its data files instead.`,
  )
}
