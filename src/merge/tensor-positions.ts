import type { Network } from '../onnx/graph/network.ts'
import type { TensorEntry } from '../onnx/layout.ts'

/**
 * How far along the graph each weight stands, by its path: from 0 at the first operator that reads any to 1 at the last, operators with
 * weights counted in an order in which each comes after those that it reads. A tensor that several read stands at the first of them.
 */
export function tensorPositions(
  network: Network,
  isWeight: (tensor: TensorEntry) => boolean,
): ReadonlyMap<string, number> {
  const places = new Map<string, number>()
  let operators = 0
  for (const { operands } of network.operators) {
    let isNew = false
    for (const { value } of operands) {
      const tensor = value?.kind === 'leaf' ? value.tensor : null
      if (!tensor || !isWeight(tensor) || places.has(tensor.path)) continue
      places.set(tensor.path, operators)
      isNew = true
    }
    if (isNew) operators += 1
  }
  return new Map([...places].map(([path, place]) => [path, operators > 1 ? place / (operators - 1) : 0]))
}
