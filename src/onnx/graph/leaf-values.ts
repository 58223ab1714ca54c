import { createHash } from 'node:crypto'
import { type ByteSource, chunksOf, memorySource } from '../byte-source.ts'
import { concatenated, elementSource, rangeSource } from '../elements.ts'
import type { ModelFiles } from '../model-files.ts'
import { lengthPrefix } from './leaves.ts'
import type { Leaf } from './network.ts'

/**
 * A leaf's elements as raw_data would hold them, however they are stored; texts with the length of each before it.
 * @throws TureenError `TUREEN_MODEL_INCOMPLETE` or `TUREEN_MODEL_MALFORMED`, as reading them does
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

/** A digest of a leaf's values, its indices among them if it is sparse. */
export function leafDigest(leaf: Leaf, files: ModelFiles): string {
  return digestOf([leaf, ...indicesOf(leaf)], files)
}

/** A digest of where the values of a sparse leaf stand; empty if it is not sparse. */
export function indicesDigest(leaf: Leaf, files: ModelFiles): string {
  return leaf.indices ? digestOf(indicesOf(leaf), files) : ''
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
