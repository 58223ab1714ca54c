import { TureenError } from '../errors.ts'
import type { FixedRun, TensorEntry } from '../onnx/layout.ts'
import { tensorFields } from '../onnx/messages.ts'
import { type BytesPart, bytesPart, type CopyPart, type Edit, splice } from '../onnx/splice.ts'
import { encodeTag, encodeVarint, wireType } from '../onnx/wire.ts'
import { dtypeName, dtypeOf, rawBytes } from '../tensor/dtype.ts'
import type { WeightedSum } from '../tensor/weighted-sum.ts'
import { baseOf, counterpartsIn, type IndexedInput, type MergeSettings } from './merge-input.ts'
import { isAveraged, type Preflight } from './preflight.ts'
import { provenanceEdits } from './provenance.ts'
import { tensorSums } from './tensor-sums.ts'

/** `length` bytes of a merged tensor's elements (as raw_data) from byte `from` on. */
export type TensorPart = { kind: 'tensor'; tensor: number; from: number; length: number }
/** A run of unpacked values: the base's bytes with the values replaced, the tags between them kept. */
export type SpreadPart = { kind: 'spread'; tensor: number; from: number; run: FixedRun; length: number }
export type PlanPart = CopyPart | BytesPart | TensorPart | SpreadPart

/** A tensor of the result that is computed, and how. `sources`: it in each averaged model, in recipe order. */
export type PlannedTensor = {
  name: string
  dtype: string
  elements: number
  sources: readonly TensorEntry[]
  sum: WeightedSum
}

/**
 * The merged file before any of it is computed: where each byte comes from. `inputs` are the averaged ones, as indices into
 * the merge's inputs, in recipe order.
 */
export type MergePlan = {
  byteLength: number
  parts: PlanPart[]
  tensors: PlannedTensor[]
  inputs: number[]
  base: number
  /** Tensors that stay as they stand in the base, and the NaN and infinite elements of the identical ones. */
  carried: { identical: number; nonFloat: number; nonFinite: number }
}

/**
 * Plans a merge of models that have passed the structure comparison and the preflight. Pure and without a payload byte read.
 *
 * @throws TureenError `TUREEN_WEIGHTS_INVALID`, `TUREEN_RULE_UNMATCHED`, `TUREEN_MODELS_DIFFER`
 */
export function planMerge(
  inputs: readonly IndexedInput[],
  settings: MergeSettings,
  { identicalVarints, identicalNonFinite }: Omit<Preflight, 'problems'>,
): MergePlan {
  const base = baseOf(inputs, settings)
  const averaged = inputs.flatMap((input, index) =>
    input.weight === null ? [] : [{ input, index, weight: input.weight }],
  )
  const sums = tensorSums(
    averaged.map(({ weight }) => weight),
    settings,
  )
  const finders = averaged.map(({ input }) => ({ label: input.label, find: counterpartsIn(input.layout) }))
  const tensors: PlannedTensor[] = []
  const edits: Edit<PlanPart>[] = []
  const carried = { identical: 0, nonFloat: 0, nonFinite: settings.normalize ? identicalNonFinite : 0 }
  for (const tensor of base.layout.tensors) {
    if (!isAveraged(tensor)) {
      carried.nonFloat += 1
      continue
    }
    const sum = sums.of(tensor.name)
    if (sum.keepIdentical && identicalVarints.has(tensor.path)) {
      carried.identical += 1
      continue
    }
    const sources = finders.map(({ label, find }) => find(tensor) ?? missing(tensor, label))
    edits.push(...tensorEdits(tensor, tensors.length))
    tensors.push({ name: tensor.name, dtype: dtypeName(tensor.dataType), elements: tensor.elements, sources, sum })
  }
  sums.requireAllMatched()
  edits.push(...provenanceEdits(base.layout, inputs, settings))
  const parts = splice(base.layout, edits)
  return {
    byteLength: parts.reduce((length, part) => length + part.length, 0),
    parts,
    tensors,
    inputs: averaged.map(({ index }) => index),
    base: settings.base,
    carried,
  }
}

function missing(tensor: TensorEntry, label: string): never {
  const message = `the initializer ${tensor.name} is missing`
  throw new TureenError('TUREEN_MODELS_DIFFER', `In the model ${label}, ${message}.`, [
    { model: label, tensor: tensor.name, message },
  ])
}

/**
 * Where a merged tensor's bytes go. Fixed-width values stay in the base's encoding. Varints become raw_data, so that the
 * length of the file is known before any value is.
 */
function tensorEdits(tensor: TensorEntry, index: number): Edit<PlanPart>[] {
  const { payload, frame } = tensor
  switch (payload.form) {
    case 'raw': {
      const { offset, length } = payload
      return [
        { start: offset, end: offset + length, frame, parts: [{ kind: 'tensor', tensor: index, from: 0, length }] },
      ]
    }
    case 'fixed': {
      let from = 0
      return payload.runs.map(run => {
        const length = run.count === 0 ? 0 : (run.count - 1) * run.stride + run.width
        const part: PlanPart =
          run.stride === run.width
            ? { kind: 'tensor', tensor: index, from, length }
            : { kind: 'spread', tensor: index, from, run, length }
        from += run.count * run.width
        return { start: run.offset, end: run.offset + length, frame, parts: [part] }
      })
    }
    case 'varint': {
      const dtype = dtypeOf(tensor.dataType)
      const length = dtype ? rawBytes(dtype, tensor.elements) : 0
      const parts: PlanPart[] = [
        bytesPart(encodeTag(tensorFields.rawData, wireType.bytes)),
        bytesPart(encodeVarint(length)),
        { kind: 'tensor', tensor: index, from: 0, length },
      ]
      return payload.runs.map(({ start, end }, run) => ({ start, end, frame, parts: run === 0 ? parts : [] }))
    }
    default:
      return []
  }
}
