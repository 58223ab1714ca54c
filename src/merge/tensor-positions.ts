import type { Network } from '../onnx/graph/network.ts'
import type { TensorEntry } from '../onnx/layout.ts'

/**
 * Returns the position of each weight along the graph, by its path: 0 at the first operator that reads a weight, 1 at
 * the last. Operators with weights are counted in an order in which each comes after those that it reads. A tensor with
 * several readers has the position of the first.
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
