import { createHash } from 'node:crypto'
import { dtypeOf } from '../../tensor/dtype.ts'
import { type ByteSource, chunksOf, memorySource, readBytes } from '../byte-source.ts'
import { concatenated, elementSource, rangeSource } from '../elements.ts'
import type { ModelFiles } from '../external-data.ts'
import { lengthPrefix } from './leaves.ts'
import type { Leaf, Value } from './network.ts'

/**
 * Returns a leaf's elements as raw_data would hold them, for every form of storage. Each string is preceded by its
 * length.
 * @throws TureenError `TUREEN_MODEL_INCOMPLETE` or `TUREEN_MODEL_MALFORMED`, if they cannot be read
 */
export function leafElements({ tensor, literal }: Pick<Leaf, 'tensor' | 'literal'>, files: ModelFiles): ByteSource {
  if (!tensor) return memorySource(literal ?? new Uint8Array(0))
  if (tensor.payload.form !== 'strings') return elementSource(tensor, files.source, files.data)
  const texts = tensor.payload.values.flatMap(({ start, end }) => [
    memorySource(lengthPrefix(end - start)),
    rangeSource(files.source, start, end - start),
  ])
  return concatenated(texts)
}

/** Returns a digest of a leaf's values, and of its indices if it is sparse. */
export function leafDigest(leaf: Leaf, files: ModelFiles): string {
  return digestOf([leaf, ...indicesOf(leaf)], files)
}

/** Returns a digest of the indices of a sparse leaf; empty if it is not sparse. */
export function indicesDigest(leaf: Leaf, files: ModelFiles): string {
  return leaf.indices ? digestOf(indicesOf(leaf), files) : ''
}

/** The longest list of integers about dims. It has at most one element for each axis of a tensor. */
const longestList = 64

/**
 * Returns the integers of an int64 or int32 tensor of few elements; undefined for other values, and if the tensor's
 * file is missing.
 * @throws TureenError `TUREEN_MODEL_MALFORMED` if they cannot be read
 */
export function readIntegers(value: Value | null, files: ModelFiles): number[] | undefined {
  if (value?.kind !== 'leaf' || value.indices) return undefined
  const { tensor, literal } = value
  const dtype = tensor ? dtypeOf(tensor.dataType)?.name : value.type.split('[')[0]
  if (dtype !== 'int64' && dtype !== 'int32') return undefined
  if ((tensor?.elements ?? 0) > longestList || (literal?.byteLength ?? 0) > 8 * longestList) return undefined
  if (tensor?.payload.form === 'external' && !files.data.has(tensor.payload.location)) return undefined
  const elements = leafElements(value, files)
  const bytes = Uint8Array.from(readBytes(elements, 0, elements.byteLength))
  if (dtype === 'int64') return Array.from(new BigInt64Array(bytes.buffer), Number)
  return Array.from(new Int32Array(bytes.buffer))
}

/**
 * True if a tensor of floats is all zeros, of either sign, so that adding it changes nothing.
 * @throws TureenError if it cannot be read
 */
export function isAllZero(leaf: Leaf, files: ModelFiles): boolean {
  const width = (leaf.tensor ? (dtypeOf(leaf.tensor.dataType)?.bits ?? 8) : 8) / 8
  // The sign is the first bit of the last byte. In types of one byte this pattern may be NaN.
  const isZero = (byte: number, index: number) =>
    byte === 0 || (byte === 0x80 && width > 1 && index % width === width - 1)
  for (const { bytes } of chunksOf(leafElements(leaf, files))) if (!bytes.every(isZero)) return false
  return true
}

type Part = Pick<Leaf, 'tensor' | 'literal'>

function indicesOf({ indices }: Leaf): Part[] {
  return indices ? [{ tensor: indices, literal: null }] : []
}

function digestOf(parts: readonly Part[], files: ModelFiles): string {
  const hash = createHash('sha256')
  for (const part of parts) {
    for (const { bytes } of chunksOf(leafElements(part, files))) hash.update(bytes)
  }
  return hash.digest('hex')
}
