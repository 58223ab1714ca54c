import { type ByteSource, chunksOf } from '../onnx/byte-source.ts'
import { rangeSource } from '../onnx/elements.ts'
import { leafElements } from '../onnx/graph/leaf-values.ts'
import type { Leaf } from '../onnx/graph/network.ts'
import type { Span } from '../onnx/layout.ts'
import { blamedSource, type LabelledFiles } from './merge-input.ts'

/** A holder of elements: a tensor, or plain values of an attribute. */
export type Elements = Pick<Leaf, 'tensor' | 'literal'>

/** True if two tensors of one type hold the same bits. @throws TureenError naming the model that cannot be read */
export function sameElements(a: Elements, aFiles: LabelledFiles, b: Elements, bFiles: LabelledFiles): boolean {
  return firstDifference(a, aFiles, b, bFiles) === null
}

/**
 * Returns the first byte in which two tensors of one type differ, as raw_data; null if they hold the same. Each string
 * is preceded by its length.
 * @throws TureenError naming the model that cannot be read
 */
export function firstDifference(a: Elements, aFiles: LabelledFiles, b: Elements, bFiles: LabelledFiles): number | null {
  const x = blamedSource(aFiles.label, () => leafElements(a, aFiles))
  const y = blamedSource(bFiles.label, () => leafElements(b, bFiles))
  return firstDifferentByte(x, y)
}

/** True if two stretches of models' own files hold the same bytes. @throws TureenError naming the model that cannot be read */
export function sameSpans(a: Span, aFiles: LabelledFiles, b: Span, bFiles: LabelledFiles): boolean {
  const bytesOf = ({ start, end }: Span, { source, label }: LabelledFiles) =>
    blamedSource(label, () => rangeSource(source, start, end - start))
  return firstDifferentByte(bytesOf(a, aFiles), bytesOf(b, bFiles)) === null
}

/** Returns the place of the first byte in which two sources differ; 0 if their lengths differ, null if they are the same. */
function firstDifferentByte(x: ByteSource, y: ByteSource): number | null {
  if (x.byteLength !== y.byteLength) return 0
  let theirs: Uint8Array | undefined
  for (const { offset, bytes } of chunksOf(x)) {
    theirs = (theirs ?? new Uint8Array(bytes.byteLength)).subarray(0, bytes.byteLength)
    y.read(offset, theirs)
    if (Buffer.compare(bytes, theirs) !== 0) {
      const other = theirs
      return offset + bytes.findIndex((byte, index) => byte !== other[index])
    }
  }
  return null
}

/** True if two leaves hold the same, including the indices of sparse ones. */
export function sameLeafElements(a: Leaf, aFiles: LabelledFiles, b: Leaf, bFiles: LabelledFiles): boolean {
  if (a.type !== b.type || !sameElements(a, aFiles, b, bFiles)) return false
  const [x, y] = [a, b].map(({ indices }) => ({ tensor: indices, literal: null }))
  return !x?.tensor || !y?.tensor || sameElements(x, aFiles, y, bFiles)
}
