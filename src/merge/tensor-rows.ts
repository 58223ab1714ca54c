import type { Network } from '../onnx/graph/network.ts'
import { unitRows } from '../onnx/graph/unit-rows.ts'
import type { TensorEntry } from '../onnx/layout.ts'
import { lastAxisRows, type RowLayout } from '../tensor/row-layout.ts'

/**
 * The rows of a tensor that a method ranks. `reason`: `operator` if an operator reads them as weights of its output
 * units. Otherwise the last axis is used: no operator has units (`unread`), or two operators have different ones
 * (`contradictory`).
 */
export type TensorRows = { layout: RowLayout; reason: 'operator' | 'unread' | 'contradictory' }

/** Returns the rows of each tensor of a network. */
export function tensorRows(network: Network): (tensor: TensorEntry) => TensorRows {
  const known = unitRows(network)
  return ({ path, dims }) => {
    const layout = known.get(path)
    if (layout) return { layout, reason: 'operator' }
    return { layout: lastAxisRows(dims), reason: layout === null ? 'contradictory' : 'unread' }
  }
}
