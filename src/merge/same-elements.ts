import { chunksOf } from '../onnx/byte-source.ts'
import { leafElements } from '../onnx/graph/leaf-values.ts'
import type { Leaf } from '../onnx/graph/network.ts'
import { blamedSource, type LabelledFiles } from './merge-input.ts'

type Elements = Pick<Leaf, 'tensor' | 'literal'>

/** Whether two tensors of one type hold the same, bit by bit. @throws TureenError naming the model that cannot be read */
export function sameElements(a: Elements, aFiles: LabelledFiles, b: Elements, bFiles: LabelledFiles): boolean {
  const x = blamedSource(aFiles.label, () => leafElements(a, aFiles))
  const y = blamedSource(bFiles.label, () => leafElements(b, bFiles))
  if (x.byteLength !== y.byteLength) return false
  let theirs: Uint8Array | undefined
  for (const { offset, bytes } of chunksOf(x)) {
    theirs = (theirs ?? new Uint8Array(bytes.byteLength)).subarray(0, bytes.byteLength)
    y.read(offset, theirs)
    if (Buffer.compare(bytes, theirs) !== 0) return false
  }
  return true
}

/** Whether two leaves hold the same, the indices of sparse ones included. */
export function sameLeafElements(a: Leaf, aFiles: LabelledFiles, b: Leaf, bFiles: LabelledFiles): boolean {
  if (a.type !== b.type || !sameElements(a, aFiles, b, bFiles)) return false
  const [x, y] = [a, b].map(({ indices }) => ({ tensor: indices, literal: null }))
  return !x?.tensor || !y?.tensor || sameElements(x, aFiles, y, bFiles)
}
