import type { ProblemItem } from '../errors.ts'
import { chunksOf } from '../onnx/byte-source.ts'
import { isMainInitializer, type TensorEntry } from '../onnx/layout.ts'
import { decodeSkeleton } from '../onnx/skeleton.ts'
import { weightsOf } from '../onnx/weights.ts'
import { dtypeName, dtypeOf } from '../tensor/dtype.ts'
import { floatFormat } from '../tensor/float-format.ts'
import { explainDifference } from './explain-difference.ts'
import { type MatchedInput, networkOf } from './match-inputs.ts'
import { baseOf, elementsOf, type IndexedInput, type MergeSettings } from './merge-input.ts'
import { partialOverlaps } from './partial-overlaps.ts'
import { sameElements } from './same-elements.ts'

export type Preflight = {
  problems: ProblemItem[]
  /** Paths, in the base, of the tensors that the soup averages. */
  averaged: ReadonlySet<string>
  /**
   * Paths, in the base, of float tensors that are the same in every model, among those whose storage can stay only if their values
   * do: varint-coded ones, whose length depends on the values, and external ones that share some of their bytes with others.
   */
  identical: ReadonlySet<string>
  /** NaN and infinite elements in those. */
  identicalNonFinite: number
}

/**
 * Reads and compares the values of what is never averaged (integers, bools, strings, parameters of operations), and of float
 * tensors whose storage depends on their values.
 */
export function preflight(inputs: readonly MatchedInput[], settings: MergeSettings): Preflight {
  const base = baseOf(inputs, settings)
  const others = inputs.filter(input => input !== base && input.sha256 !== base.sha256 && input.fisherOf === undefined)
  const { averaged: weights, parameters } = weightsOf(base.layout, decodeSkeleton(base.layout))
  const averaged = new Set(weights)
  const problems: ProblemItem[] = []
  const identical = new Set<string>()
  const overlapping = partialOverlaps(base.layout.tensors)
  let identicalNonFinite = 0
  const takesBase = (tensor: TensorEntry | null) =>
    settings.nonFloat === 'base' && tensor !== null && isMainInitializer(tensor) && !isFloat(tensor)
  for (const tensor of base.layout.tensors) {
    const isWeight = averaged.has(tensor.path)
    const isNumber = isWeight && isScalarConstant(tensor)
    if (isWeight && !isNumber && tensor.payload.form !== 'varint' && !overlapping.has(tensor.path)) continue
    if (!isWeight && takesBase(tensor)) continue
    const differing = others.filter(other => {
      const theirs = other.counterpart(tensor)
      return theirs !== undefined && sameHeader(tensor, theirs) && !same(tensor, base, theirs, other)
    })
    if (isWeight) {
      if (differing.length === 0 && isNumber) averaged.delete(tensor.path)
      else if (differing.length === 0) {
        identical.add(tensor.path)
        identicalNonFinite += countNonFinite(tensor, base)
      }
      continue
    }
    for (const { label } of differing) {
      const use = parameters.get(tensor.path)
      const node = isFloat(tensor) && use?.node !== undefined ? use.node : holderOf(tensor, base)
      problems.push({
        model: label,
        tensor: tensor.name || tensor.path,
        ...(node === undefined ? {} : { node }),
        message: explainDifference(tensor, use),
      })
    }
  }
  for (const other of others) {
    for (const { ours, theirs } of other.literals) {
      if (ours.type !== theirs.type || takesBase(ours.tensor) || sameElements(ours, base, theirs, other)) continue
      const node = theirs.node ?? ours.node
      problems.push({
        model: other.label,
        tensor: ours.name,
        ...(node === null ? {} : { node }),
        message: `holds other values (${ours.type}) than the base's; only floats are averaged`,
      })
    }
  }
  return { problems, averaged, identical, identicalNonFinite }
}

function same(ours: TensorEntry, base: MatchedInput, theirs: TensorEntry, other: MatchedInput): boolean {
  return sameElements({ tensor: ours, literal: null }, base, { tensor: theirs, literal: null }, other)
}

/** The node that holds a tensor; undefined for initializers. */
function holderOf(tensor: TensorEntry, base: MatchedInput): string | undefined {
  const leaf = networkOf(base).leaves.find(leaf => leaf.tensor === tensor || leaf.indices === tensor)
  return leaf?.node ?? undefined
}

/**
 * A single number in a node. The same in every model, it is a part of the arithmetic, such as an epsilon or a divisor, and stays
 * as it is even where weights are scaled.
 */
function isScalarConstant({ path, dims }: TensorEntry): boolean {
  return dims.length === 0 && /\.(t|f)$/.test(path)
}

function isFloat({ dataType }: TensorEntry): boolean {
  return dtypeOf(dataType)?.float === true
}

function sameHeader(a: TensorEntry, b: TensorEntry): boolean {
  return (
    a.dataType === b.dataType && a.dims.length === b.dims.length && a.dims.every((dim, index) => dim === b.dims[index])
  )
}

function countNonFinite(tensor: TensorEntry, input: IndexedInput): number {
  const format = floatFormat(dtypeName(tensor.dataType))
  let count = 0
  for (const { bytes } of chunksOf(elementsOf(tensor, input)))
    count += format.countNonFinite(bytes, bytes.byteLength / format.bytes)
  return count
}
