import type { ProblemItem } from '../errors.ts'
import type { ByteSource } from '../onnx/byte-source.ts'
import { placeOf } from '../onnx/compare-structures.ts'
import { isMainInitializer, type TensorEntry } from '../onnx/layout.ts'
import { decodeSkeleton } from '../onnx/skeleton.ts'
import { structureOf } from '../onnx/structure.ts'
import { weightsOf } from '../onnx/weights.ts'
import { dtypeName, dtypeOf } from '../tensor/dtype.ts'
import { floatFormat } from '../tensor/float-format.ts'
import { counterpartsIn } from './counterparts.ts'
import { explainDifference } from './explain-difference.ts'
import { baseOf, elementsOf, type IndexedInput, type MergeSettings } from './merge-input.ts'
import { partialOverlaps } from './partial-overlaps.ts'

const chunkBytes = 1 << 20

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
 * Reads and compares the payloads of what is never averaged (integers, bools, strings, parameters of operations), and of float
 * tensors whose storage depends on their values. Tensors without a counterpart are left to the structure comparison.
 */
export function preflight(inputs: readonly IndexedInput[], settings: MergeSettings): Preflight {
  const base = baseOf(inputs, settings)
  const others = inputs
    .filter(input => input !== base && input.sha256 !== base.sha256)
    .map(input => ({ ...input, counterpart: counterpartsIn(input.layout, base.layout) }))
  const model = decodeSkeleton(base.layout)
  const { averaged: weights, parameters } = weightsOf(base.layout, model)
  const averaged = new Set(weights)
  const problems: ProblemItem[] = []
  const identical = new Set<string>()
  const overlapping = partialOverlaps(base.layout.tensors)
  let identicalNonFinite = 0
  let tree: ReturnType<typeof structureOf>['tree'] | undefined
  for (const tensor of base.layout.tensors) {
    const isWeight = averaged.has(tensor.path)
    const isNumber = isWeight && isScalarConstant(tensor)
    if (isWeight && !isNumber && tensor.payload.form !== 'varint' && !overlapping.has(tensor.path)) continue
    const isInitializer = isMainInitializer(tensor)
    if (!isWeight && isInitializer && !isFloat(tensor) && settings.nonFloat === 'base') continue
    const differing = others.filter(other => {
      const theirs = other.counterpart(tensor)
      return theirs !== undefined && sameHeader(tensor, theirs) && !sameElements(tensor, base, theirs, other)
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
      tree ??= structureOf(base.layout, model, base.source).tree
      const use = parameters.get(tensor.path)
      problems.push({
        model: label,
        tensor: tensor.name || tensor.path,
        ...(isInitializer ? {} : placeOf(tree, tensor.path)),
        ...(isFloat(tensor) && use?.node !== undefined ? { node: use.node } : {}),
        message: explainDifference(tensor, use),
      })
    }
  }
  return { problems, averaged, identical, identicalNonFinite }
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

function sameElements(a: TensorEntry, aInput: IndexedInput, b: TensorEntry, bInput: IndexedInput): boolean {
  if (a.elements === 0) return true
  if (!sameLengths(a, b)) return false
  const x = elementsOf(a, aInput)
  const y = elementsOf(b, bInput)
  if (x.byteLength !== y.byteLength) return false
  const other = new Uint8Array(Math.min(chunkBytes, y.byteLength))
  for (const { offset, bytes } of chunks(x)) {
    const theirs = other.subarray(0, bytes.byteLength)
    y.read(offset, theirs)
    if (Buffer.compare(bytes, theirs) !== 0) return false
  }
  return true
}

function countNonFinite(tensor: TensorEntry, input: IndexedInput): number {
  const format = floatFormat(dtypeName(tensor.dataType))
  let count = 0
  for (const { bytes } of chunks(elementsOf(tensor, input)))
    count += format.countNonFinite(bytes, bytes.byteLength / format.bytes)
  return count
}

function* chunks(source: ByteSource): Generator<{ offset: number; bytes: Uint8Array }> {
  const buffer = new Uint8Array(Math.min(chunkBytes, source.byteLength))
  for (let offset = 0; offset < source.byteLength; offset += chunkBytes) {
    const bytes = buffer.subarray(0, Math.min(chunkBytes, source.byteLength - offset))
    source.read(offset, bytes)
    yield { offset, bytes }
  }
}

function sameLengths({ payload: a }: TensorEntry, { payload: b }: TensorEntry): boolean {
  if (a.form !== 'strings' || b.form !== 'strings') return (a.form === 'none') === (b.form === 'none')
  return a.values.every(({ start, end }, index) => {
    const other = b.values[index]
    return other !== undefined && end - start === other.end - other.start
  })
}
