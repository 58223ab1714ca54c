import { modulePath } from '../onnx/graph/module-names.ts'

/** A block: the name of its stack, such as `encoder.layer`, and its number in the stack. */
export type Block = { stack: string; index: number }

/**
 * Returns the block in a name of a tensor or node: the first number between two dots, as mergekit finds the layers of
 * unknown models. Slashes count as dots.
 */
export function blockIn(name: string): Block | null {
  const path = modulePath(name)
  const found = /\.(\d+)\./.exec(path)
  const index = Number(found?.[1])
  return found && Number.isSafeInteger(index) ? { stack: path.slice(0, found.index), index } : null
}

/** Returns the module of a node, `/q` for `/q/MatMul`; null for a node whose name has no module. */
export function moduleOf(node: string): string | null {
  const end = node.lastIndexOf('/')
  return end > 0 ? node.slice(0, end) : null
}

/**
 * True if a batch norm may have been folded into the weights that a node reads; exporters do that to convolutions. If
 * the node's module is itself the numbered one, as in `/features/features.0/Conv`, the batch norm had a number of its
 * own. That number is gone, so the count of blocks is unknown.
 */
export function isFoldable(node: string, opType: string): boolean {
  return /^Conv(Transpose)?$/.test(opType) && /\.\d+\/[^/]*$/.test(node)
}
