import { modulePath } from '../onnx/graph/module-names.ts'

/** A block: the name of its stack, such as `encoder.layer`, and its number there. */
export type Block = { stack: string; index: number }

/**
 * The block that a name of a tensor or node says it is in: the first number that stands between two dots, as mergekit finds the
 * layers of a model that it does not know. Slashes count as dots.
 */
export function blockIn(name: string): Block | null {
  const path = modulePath(name)
  const found = /\.(\d+)\./.exec(path)
  const index = Number(found?.[1])
  return found && Number.isSafeInteger(index) ? { stack: path.slice(0, found.index), index } : null
}

/** The module that a node belongs to, `/q` for `/q/MatMul`; null for a node whose name has no module. */
export function moduleOf(node: string): string | null {
  const end = node.lastIndexOf('/')
  return end > 0 ? node.slice(0, end) : null
}

/**
 * Whether a batch norm may have been folded into what a node reads: exporters do that to convolutions. If the node's module is
 * itself the numbered one, as in `/features/features.0/Conv`, the batch norm had a number of its own, which is gone, so that
 * nobody can tell how many numbers there were.
 */
export function isFoldable(node: string, opType: string): boolean {
  return /^Conv(Transpose)?$/.test(opType) && /\.\d+\/[^/]*$/.test(node)
}
