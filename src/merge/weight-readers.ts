import type { Network, Operator } from '../onnx/graph/network.ts'
import type { TensorEntry } from '../onnx/layout.ts'

/** Operators that pass on the elements of a tensor to the operator that computes with it. */
const carriers: ReadonlySet<string> = new Set([
  'Cast',
  'DequantizeLinear',
  'Flatten',
  'Identity',
  'Reshape',
  'Squeeze',
  'Transpose',
  'Unsqueeze',
])

/** Returns the operators that read the results of each operator, in the order of the network. */
export function consumersOf({ operators }: Network): ReadonlyMap<Operator, readonly Operator[]> {
  const consumers = new Map<Operator, Operator[]>()
  for (const reader of operators) {
    for (const { value } of reader.operands) {
      if (value?.kind !== 'result') continue
      const readers = consumers.get(value.operator)
      if (!readers) consumers.set(value.operator, [reader])
      else if (readers.at(-1) !== reader) readers.push(reader)
    }
  }
  return consumers
}

/**
 * Returns the operators that read each weight: directly, or after a Transpose, Cast or another operator that only
 * passes it on.
 */
export function weightReaders(
  { operators }: Network,
  consumers: ReadonlyMap<Operator, readonly Operator[]>,
  isWeight: (tensor: TensorEntry) => boolean,
): ReadonlyMap<TensorEntry, readonly Operator[]> {
  const readers = new Map<TensorEntry, Set<Operator>>()
  for (const operator of operators) {
    for (const { value } of operator.operands) {
      const tensor = value?.kind === 'leaf' ? value.tensor : null
      if (!tensor || !isWeight(tensor)) continue
      const all = readers.get(tensor) ?? new Set()
      readers.set(tensor, all)
      // An operator passes on only its first operand, so each is followed for one tensor only.
      const pending = [{ reader: operator, hasFirst: operator.operands[0]?.value === value }]
      for (let next = pending.pop(); next; next = pending.pop()) {
        const { reader, hasFirst } = next
        all.add(reader)
        if (!hasFirst || !carriers.has(reader.opType)) continue
        for (const behind of consumers.get(reader) ?? []) {
          const first = behind.operands[0]?.value
          pending.push({ reader: behind, hasFirst: first?.kind === 'result' && first.operator === reader })
        }
      }
    }
  }
  return new Map([...readers].map(([tensor, all]) => [tensor, [...all]]))
}
