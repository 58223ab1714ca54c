import { chunksOf } from '../onnx/byte-source.ts'
import { leafElements } from '../onnx/graph/leaf-values.ts'
import type { Leaf } from '../onnx/graph/network.ts'
import { blamedSource, type LabelledFiles } from './merge-input.ts'

/** What holds elements: a tensor, or what an attribute holds as such. */
export type Elements = Pick<Leaf, 'tensor' | 'literal'>

/** Whether two tensors of one type hold the same, bit by bit. @throws TureenError naming the model that cannot be read */
export function sameElements(a: Elements, aFiles: LabelledFiles, b: Elements, bFiles: LabelledFiles): boolean {
  return firstDifference(a, aFiles, b, bFiles) === null
}

/**
 * The first byte in which two tensors of one type differ, counted from their start as raw_data; null if they hold the same. Of texts
 * each has its length before it.
 * @throws TureenError naming the model that cannot be read
 */
export function firstDifference(a: Elements, aFiles: LabelledFiles, b: Elements, bFiles: LabelledFiles): number | null {
  const x = blamedSource(aFiles.label, () => leafElements(a, aFiles))
  const y = blamedSource(bFiles.label, () => leafElements(b, bFiles))
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

/** Whether two leaves hold the same, the indices of sparse ones included. */
export function sameLeafElements(a: Leaf, aFiles: LabelledFiles, b: Leaf, bFiles: LabelledFiles): boolean {
  if (a.type !== b.type || !sameElements(a, aFiles, b, bFiles)) return false
  const [x, y] = [a, b].map(({ indices }) => ({ tensor: indices, literal: null }))
  return !x?.tensor || !y?.tensor || sameElements(x, aFiles, y, bFiles)
}
