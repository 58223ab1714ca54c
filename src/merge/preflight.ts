import type { ProblemItem } from '../errors.ts'
import type { ByteSource } from '../onnx/byte-source.ts'
import { placeOf } from '../onnx/compare-structures.ts'
import { isMainInitializer, type TensorEntry } from '../onnx/layout.ts'
import { decodeSkeleton } from '../onnx/skeleton.ts'
import { structureOf } from '../onnx/structure.ts'
import { dtypeName, dtypeOf } from '../tensor/dtype.ts'
import { floatFormat } from '../tensor/float-format.ts'
import { baseOf, counterpartsIn, elementsOf, type IndexedInput, type MergeSettings } from './merge-input.ts'

const chunkBytes = 1 << 20
const quantisedTypes = new Set(['int8', 'uint8', 'int4', 'uint4', 'int2', 'uint2'])

export type Preflight = {
  problems: ProblemItem[]
  /**
   * Paths, in the base, of varint-coded float tensors that are the same in every model. Their encoding can stay; where values
   * change, its length would depend on them.
   */
  identicalVarints: ReadonlySet<string>
  /** NaN and infinite elements in those. */
  identicalNonFinite: number
}

/** Whether a tensor of the base is one that the soup averages. */
export function isAveraged(tensor: TensorEntry): boolean {
  return (
    isMainInitializer(tensor) &&
    dtypeOf(tensor.dataType)?.float === true &&
    tensor.elements > 0 &&
    tensor.payload.form !== 'none'
  )
}

/**
 * Reads and compares the payloads of what is never averaged (integers, bools, strings, constants in nodes and subgraphs), and
 * of float tensors whose encoding depends on their values. Tensors without a counterpart are left to the structure comparison.
 */
export function preflight(inputs: readonly IndexedInput[], settings: MergeSettings): Preflight {
  const base = baseOf(inputs, settings)
  const others = inputs
    .filter(input => input !== base && input.sha256 !== base.sha256)
    .map(input => ({ ...input, counterpart: counterpartsIn(input.layout) }))
  const problems: ProblemItem[] = []
  const identicalVarints = new Set<string>()
  let identicalNonFinite = 0
  let tree: ReturnType<typeof structureOf>['tree'] | undefined
  for (const tensor of base.layout.tensors) {
    const averaged = isAveraged(tensor)
    if (averaged && tensor.payload.form !== 'varint') continue
    const differing = others.filter(other => {
      const theirs = other.counterpart(tensor)
      return theirs !== undefined && sameHeader(tensor, theirs) && !sameElements(tensor, base, theirs, other)
    })
    if (averaged) {
      if (differing.length === 0) {
        identicalVarints.add(tensor.path)
        identicalNonFinite += countNonFinite(tensor, base)
      }
      continue
    }
    const isInitializer = isMainInitializer(tensor)
    if (isInitializer && settings.nonFloat === 'base') continue
    for (const { label } of differing) {
      tree ??= structureOf(base.layout, decodeSkeleton(base.layout), base.source).tree
      const place = isInitializer
        ? { tensor: tensor.name }
        : { tensor: tensor.name || tensor.path, ...placeOf(tree, tensor.path) }
      problems.push({ model: label, ...place, message: explain(tensor, isInitializer) })
    }
  }
  return { problems, identicalVarints, identicalNonFinite }
}

function explain(tensor: TensorEntry, isInitializer: boolean): string {
  const dtype = dtypeName(tensor.dataType)
  if (!isInitializer)
    return `the ${dtype} tensor inside the graph (${tensor.path}) has other values than the base's; only initializers are averaged`
  if (quantisedTypes.has(dtype)) {
    return `the ${dtype} tensor has other values than the base's; if these are quantised weights, merge the float models first and quantise the soup`
  }
  return `the ${dtype} tensor has other values than the base's and is never averaged; "nonFloat": "base" takes the base's`
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
