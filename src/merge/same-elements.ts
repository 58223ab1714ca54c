import { leafElements } from '../onnx/graph/leaf-values.ts'
import type { Leaf } from '../onnx/graph/network.ts'
import { blaming, type LabelledFiles } from './merge-input.ts'

const chunkBytes = 1 << 20

type Elements = Pick<Leaf, 'tensor' | 'literal'>

/** Whether two tensors of one type hold the same, bit by bit. @throws TureenError naming the model that cannot be read */
export function sameElements(a: Elements, aFiles: LabelledFiles, b: Elements, bFiles: LabelledFiles): boolean {
  const x = blaming(aFiles.label, () => leafElements(a, aFiles))
  const y = blaming(bFiles.label, () => leafElements(b, bFiles))
  if (x.byteLength !== y.byteLength) return false
  const ours = new Uint8Array(Math.min(chunkBytes, x.byteLength))
  const theirs = new Uint8Array(ours.byteLength)
  for (let offset = 0; offset < x.byteLength; offset += chunkBytes) {
    const length = Math.min(chunkBytes, x.byteLength - offset)
    const [left, right] = [ours.subarray(0, length), theirs.subarray(0, length)]
    blaming(aFiles.label, () => x.read(offset, left))
    blaming(bFiles.label, () => y.read(offset, right))
    if (Buffer.compare(left, right) !== 0) return false
  }
  return true
}

/** Whether two leaves hold the same, the indices of sparse ones included. */
export function sameLeafElements(a: Leaf, aFiles: LabelledFiles, b: Leaf, bFiles: LabelledFiles): boolean {
  if (a.type !== b.type || !sameElements(a, aFiles, b, bFiles)) return false
  const [x, y] = [a, b].map(({ indices }) => ({ tensor: indices, literal: null }))
  return !x?.tensor || !y?.tensor || sameElements(x, aFiles, y, bFiles)
}
