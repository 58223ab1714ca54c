import { isCountedTensor } from './exporter-names.ts'
import type { Leaf, Network, Operator } from './network.ts'
import type { Reader } from './readers.ts'

/**
 * Returns a function that gives the name that a tensor has in its framework, where the exporter took it away but the names of other
 * tensors tell it. Exporters of PyTorch write the transposed weight of a linear layer anew, as onnx::MatMul_263 or 638:
 *
 * - An Add of `layers.0.q.bias` to the result of the MatMul makes it `layers.0.q.weight`.
 * - Otherwise, if all named tensors that nodes of its scope (`/q` of the node `/q/MatMul`) read are of one module, `layers.0.q`, and
 *   module and scope end alike, it is `layers.0.q.MatMul`. Scopes lack the names of containers that are never called.
 *
 * The function returns undefined where there is no such evidence, or where it speaks for several modules.
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

/** The module whose bias is added to the result of a MatMul, which these read; undefined if there is not exactly one. */
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

/** The module of each scope whose named tensors are all of one module, and which ends as the module does. */
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
 * The module that the name of a node spells, with dots: torch calls a module in a list by the list and by both, as in
 * `/layer1/layer1.0/conv1/Conv`, and the list is then dropped.
 */
export function modulePath(node: string): string {
  const parts = node.split('/').filter(part => part !== '')
  return parts.filter((part, index) => !parts[index + 1]?.startsWith(`${part}.`)).join('.')
}

/** Whether a scope is one of a module's by their last parts; a module that is called again has a number behind its scope's name. */
export function endAlike(scope: string, module: string): boolean {
  const [ofScope, ofModule] = [scope, module].map(path => path.split(/[./]/).at(-1))
  return ofScope === ofModule || ofScope?.replace(/_\d+$/, '') === ofModule
}

/** The module that a tensor's name puts it in: `layers.0.q` for `layers.0.q.bias`. */
export function moduleOf(name: string): string | undefined {
  return /^(.+)\.[^./]+$/.exec(name)?.[1]
}

/** The scope that a node's name puts it in, and its name within it; undefined for the outermost scope. */
export function scopeOf(name: string): [string | undefined, string] {
  const end = name.lastIndexOf('/')
  return end > 0 ? [name.slice(0, end), name.slice(end + 1)] : [undefined, name]
}
