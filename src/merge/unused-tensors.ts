import type { TensorEntry } from '../onnx/layout.ts'
import { dtypeOf } from '../tensor/dtype.ts'

/**
 * Pairs tensors that no output of their model depends on: by name, floats that are left by type and dims where each model has one such
 * left. They change nothing that the model computes; what finds no partner stays as the base has it.
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

/** The values of a sparse tensor mean something with their indices alone. */
function isDense({ path }: TensorEntry): boolean {
  return !path.endsWith('.values') && !path.endsWith('.indices')
}

/** Of other types, two with different names need not be the same. */
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
