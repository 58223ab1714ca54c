import { isCountedTensor } from './exporter-names.ts'
import type { Leaf, Network, Operator } from './network.ts'
import type { Reader } from './readers.ts'

/**
 * Returns a function that finds a tensor's name in its framework, if an exporter replaced it but names of other tensors
 * tell it. Exporters of PyTorch store the transposed weight of a linear layer under a new name, such as
 * onnx::MatMul_263 or 638:
 *
 * - An Add of `layers.0.q.bias` to the result of the MatMul makes it `layers.0.q.weight`.
 * - Otherwise the scope of the node tells it (`/q` for the node `/q/MatMul`). If all named tensors in the scope are of
 *   one module, `layers.0.q`, and module and scope end alike, it is `layers.0.q.MatMul`. Scopes lack the names of
 *   containers that are never called.
 *
 * The function returns undefined without such evidence, or if the evidence names several modules.
 */
export function moduleNames(
  network: Network,
  readers: (value: Leaf | Operator) => readonly Reader[],
): (leaf: Leaf, reader: Reader) => string | undefined {
  let taken: ReadonlySet<string> | undefined
  let modules: ReadonlyMap<string, string> | undefined
  const linears = new Map<Operator, string | undefined>()
  const linearModule = (operator: Operator): string | undefined => {
    if (!linears.has(operator)) linears.set(operator, biasModule(operator, readers(operator)))
    return linears.get(operator)
  }
  return (leaf, { operator }) => {
    if (!isCountedTensor(leaf.name)) return undefined
    const linear = linearModule(operator)
    taken ??= new Set(network.leaves.map(({ name }) => name))
    if (linear !== undefined && !taken.has(`${linear}.weight`)) return `${linear}.weight`
    const [scope, node] = scopeOf(operator.nodes[0] ?? '')
    modules ??= modulesOfScopes(network, readers)
    const module = scope === undefined ? undefined : modules.get(scope)
    return module && `${module}.${node}`
  }
}

/**
 * Returns the module whose bias the given readers add to the result of a MatMul; undefined if there is not exactly one.
 */
function biasModule({ domain, opType }: Operator, readers: readonly Reader[]): string | undefined {
  if (domain !== '' || opType !== 'MatMul') return undefined
  const found = new Set(
    readers.flatMap(({ operator: { domain, opType, operands } }) => {
      if (domain !== '' || opType !== 'Add' || operands.length !== 2) return []
      const [bias] = operands.flatMap(({ value }) => (value?.kind === 'leaf' ? [value] : []))
      const module = bias && /^(.+)\.bias$/.exec(bias.name)?.[1]
      return module === undefined ? [] : [module]
    }),
  )
  return found.size === 1 ? [...found][0] : undefined
}

/**
 * Returns the module of each scope whose named tensors are all of one module, and whose name ends as the module's does.
 */
function modulesOfScopes(
  { leaves }: Network,
  readers: (value: Leaf | Operator) => readonly Reader[],
): ReadonlyMap<string, string> {
  const found = new Map<string, Set<string>>()
  for (const leaf of leaves) {
    const module = moduleOf(leaf.name)
    if (module === undefined || !leaf.isWeight || isCountedTensor(leaf.name)) continue
    for (const { operator } of readers(leaf)) {
      const [scope] = scopeOf(operator.nodes[0] ?? '')
      if (scope !== undefined) found.set(scope, (found.get(scope) ?? new Set()).add(module))
    }
  }
  return new Map(
    [...found].flatMap(([scope, modules]) => {
      const [module] = modules
      return module !== undefined && modules.size === 1 && endAlike(scope, module) ? [[scope, module]] : []
    }),
  )
}

/**
 * Returns the module in the name of a node, with dots. torch names a module in a list by the list and by both, as in
 * `/layer1/layer1.0/conv1/Conv`; the list is dropped.
 */
export function modulePath(node: string): string {
  const parts = node.split('/').filter(part => part !== '')
  return parts.filter((part, index) => !parts[index + 1]?.startsWith(`${part}.`)).join('.')
}

/**
 * True if a scope and a module have the same last part. The scope of a module that is called again has a number at its
 * end.
 */
export function endAlike(scope: string, module: string): boolean {
  const [ofScope, ofModule] = [scope, module].map(path => path.split(/[./]/).at(-1))
  return ofScope === ofModule || ofScope?.replace(/_\d+$/, '') === ofModule
}

/** Returns the module in a tensor's name: `layers.0.q` for `layers.0.q.bias`. */
export function moduleOf(name: string): string | undefined {
  return /^(.+)\.[^./]+$/.exec(name)?.[1]
}

/** Splits a node's name into its scope and its name within the scope. The scope is undefined for the outermost one. */
export function scopeOf(name: string): [string | undefined, string] {
  const end = name.lastIndexOf('/')
  return end > 0 ? [name.slice(0, end), name.slice(end + 1)] : [undefined, name]
}
