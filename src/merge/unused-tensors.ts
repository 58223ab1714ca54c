import type { TensorEntry } from '../onnx/layout.ts'
import { dtypeOf } from '../tensor/dtype.ts'

/**
 * Pairs tensors that no output of their model depends on: by name, then the remaining floats by type and dims if each
 * model has exactly one. They change nothing that the model computes. Without a partner, the base's tensor is kept.
 */
export function pairUnused(base: readonly TensorEntry[], other: readonly TensorEntry[]): Map<TensorEntry, TensorEntry> {
  const pairs = new Map<TensorEntry, TensorEntry>()
  const taken = new Set<TensorEntry>()
  for (const [keyOf, mayPair] of [[nameAndType, isDense] as const, [typeOf, isFloat] as const]) {
    const [ours, theirs] = [base.filter(each => !pairs.has(each)), other.filter(each => !taken.has(each))].map(some =>
      uniqueBy(some.filter(mayPair), keyOf),
    )
    for (const [key, tensor] of ours ?? []) {
      const partner = theirs?.get(key)
      if (!partner) continue
      pairs.set(tensor, partner)
      taken.add(partner)
    }
  }
  return pairs
}

function nameAndType(tensor: TensorEntry): string {
  return JSON.stringify([tensor.name || tensor.path, typeOf(tensor)])
}

function typeOf({ dataType, dims }: TensorEntry): string {
  return JSON.stringify([dataType, dims])
}

/** False for the values of a sparse tensor: they mean nothing without their indices. */
function isDense({ path }: TensorEntry): boolean {
  return !path.endsWith('.values') && !path.endsWith('.indices')
}

/** Only floats pair without a common name: other types with different names may be different things. */
function isFloat(tensor: TensorEntry): boolean {
  return isDense(tensor) && dtypeOf(tensor.dataType)?.float === true
}

function uniqueBy<Item>(items: readonly Item[], keyOf: (item: Item) => string): Map<string, Item> {
  const byKey = new Map<string, Item>()
  const twice = new Set<string>()
  for (const item of items) {
    const key = keyOf(item)
    if (byKey.has(key)) twice.add(key)
    byKey.set(key, item)
  }
  for (const key of twice) byKey.delete(key)
  return byKey
}
