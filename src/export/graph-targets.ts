import { knownNetwork } from '../onnx/graph/known-network.ts'
import { modulePath, scopeOf } from '../onnx/graph/module-names.ts'
import { domainOf } from '../onnx/graph/network-scope.ts'
import { nodesWithin } from '../onnx/graph/reach.ts'
import type { TensorEntry } from '../onnx/layout.ts'
import type { NodeProto } from '../onnx/onnx-proto.ts'
import { decodeSkeleton } from '../onnx/skeleton.ts'
import type { IndexedFiles } from './read-tensors.ts'

/** A node that reads a weight, and the position of the weight among its inputs. */
export type WeightReader = { node: NodeProto; port: number }

/** A name of a weight with the nodes that read the weight by this name. */
export type WeightName = { name: string; readers: readonly WeightReader[] }

/**
 * A weight whose source is looked for. `own` is its name in the file; `aliases` are outputs of Identity nodes, by which
 * an exporter tells apart weights that it merged. `isHeld`: a node holds it, as a Constant does.
 */
export type ExportTarget = { tensor: TensorEntry; own: WeightName; aliases: readonly WeightName[]; isHeld: boolean }

/** The main graph's nodes, by the names that they read. */
export type GraphTargets = { targets: ExportTarget[]; readersOf(name: string): readonly WeightReader[] }

/**
 * Returns the averaged weights on which an output of a model depends, in the order of the file.
 * @throws TureenError as `knownNetwork` does
 */
export function graphTargets({ layout, source }: IndexedFiles): GraphTargets {
  const model = decodeSkeleton(layout)
  const network = knownNetwork({ layout, source }, () => model)
  const nodes = model.graph?.node ?? []
  const readers = readersByName(nodes)
  const readersOf = (name: string) => readers.get(name) ?? []
  const held = new Map(network.leaves.flatMap(leaf => (leaf.isWeight && leaf.tensor ? [[leaf.tensor, leaf]] : [])))
  const targets = layout.tensors.flatMap((tensor): ExportTarget[] => {
    const leaf = held.get(tensor)
    if (!leaf || leaf.indices) return []
    // Names of inner graphs and functions are known inside them only.
    const isOuter = /^graph\.(initializer|node)\[\d+\](\.attribute\[\d+\]\.(t|floats?))?$/.test(tensor.path)
    const own = { name: tensor.name, readers: isOuter ? readersOf(tensor.name) : [] }
    const aliases = isOuter ? aliasesOf(tensor.name, readersOf) : []
    return [{ tensor, own, aliases, isHeld: leaf.node !== null }]
  })
  return { targets, readersOf }
}

function readersByName(nodes: readonly NodeProto[]): Map<string, WeightReader[]> {
  const readers = new Map<string, WeightReader[]>()
  for (const node of nodes.flatMap(each => [each, ...nodesWithin(each)])) {
    for (const [port, name] of (node.input ?? []).entries()) {
      const known = readers.get(name)
      if (known) known.push({ node, port })
      else if (name !== '') readers.set(name, [{ node, port }])
    }
  }
  return readers
}

/** Returns the outputs of Identity nodes that pass on a weight, each with its other readers. */
function aliasesOf(name: string, readersOf: GraphTargets['readersOf']): WeightName[] {
  const aliases: WeightName[] = []
  const pending = [name]
  const met = new Set(pending)
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    for (const { node } of readersOf(next).filter(isIdentity)) {
      const output = node.output?.[0] ?? ''
      if (output === '' || met.has(output)) continue
      met.add(output)
      aliases.push({ name: output, readers: readersOf(output) })
      pending.push(output)
    }
  }
  return aliases
}

/** True for a reader that passes the weight on under another name. */
export function isIdentity({ node }: WeightReader): boolean {
  return node.opType === 'Identity' && domainOf(node) === ''
}

/** Returns the modules whose nodes read a weight, such as `layers.0.linear1`. A node without a scope is one of its own, by a name with a line feed. */
export function modulesOf({ readers }: WeightName): Set<string> {
  return new Set(
    readers
      .filter(reader => !isIdentity(reader))
      .map(({ node }) => {
        const [scope] = scopeOf(node.name ?? '')
        // The scope of a module that is called again has a number at its end.
        return scope === undefined ? `\n${node.output?.[0]}` : modulePath(scope).replace(/(?<=[a-z])_\d+$/i, '')
      }),
  )
}
