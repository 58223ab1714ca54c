import type { Layout, TensorEntry } from '../onnx/layout.ts'

/**
 * Finds, in another model of the same structure, the tensor that corresponds to one of the base: initializers by name, in subgraphs
 * too, as their order is no structure; all else by its place.
 */
export function counterpartsIn(layout: Layout, base: Layout): (tensor: TensorEntry) => TensorEntry | undefined {
  const keysInBase = matchingKeys(base)
  const keys = layout === base ? keysInBase : matchingKeys(layout)
  const byKey = new Map(layout.tensors.map(tensor => [keys.get(tensor.path), tensor]))
  return tensor => byKey.get(keysInBase.get(tensor.path))
}

/** By path, what a tensor is found by: its path, with the initializer's name for its index if the list has no other of that name. */
function matchingKeys({ tensors }: Layout): Map<string, string> {
  const names = new Map<string, string>()
  const times = new Map<string, number>()
  for (const { path, name } of tensors) {
    const place = initializerPlace(path)
    if (!place || place.rest === '.indices') continue
    const key = JSON.stringify([place.list, name])
    names.set(place.list + place.index, key)
    times.set(key, (times.get(key) ?? 0) + 1)
  }
  const keys = new Map<string, string>()
  for (const { path } of tensors) {
    const place = initializerPlace(path)
    const key = place && names.get(place.list + place.index)
    keys.set(path, key !== undefined && times.get(key) === 1 ? key + place?.rest : path)
  }
  return keys
}

/** The list of initializers that a tensor is in, its index there, and what follows: values or indices of a sparse one. */
function initializerPlace(path: string): { list: string; index: string; rest: string } | undefined {
  const [, list, index, rest] = /^(.*(?:^|\.)(?:sparse_)?initializer)(\[\d+\])(\.values|\.indices)?$/.exec(path) ?? []
  return list === undefined || index === undefined ? undefined : { list, index, rest: rest ?? '' }
}
