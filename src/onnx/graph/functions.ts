import type { onnx } from 'onnx-proto'
import type { GraphProto, ModelProto, NodeProto } from '../onnx-proto.ts'
import { domainOf, opsetsOf } from './network-scope.ts'
import type { OpaqueFields } from './opaque-fields.ts'

/**
 * A function of a model. `opsets`: those that it imports, undefined if it imports none. `parts`: what each call of it stands for, in nodes,
 * inputs, outputs and attributes.
 */
export type ModelFunction = {
  definition: onnx.IFunctionProto
  path: string
  key: string
  opsets: ReadonlyMap<string, number> | undefined
  parts: number
}

/** The functions of a model, by domain, name and overload. */
export type Functions = ReadonlyMap<string, ModelFunction>

export function functionsOf({ functions }: ModelProto, opaque: OpaqueFields): Functions {
  return new Map(
    functions.map((definition, index): [string, ModelFunction] => {
      const path = `functions[${index}]`
      const key = functionKey(definition, definition.name, opaque.textOf(path, 'overload'))
      const { opsetImport, input, node } = definition
      const opsets = opsetImport?.length ? opsetsOf(opsetImport) : undefined
      return [key, { definition, path, key, opsets, parts: (input?.length ?? 0) + partsOf(node ?? []) }]
    }),
  )
}

export function functionKey(of: { domain?: string | null }, name: string | null | undefined, overload: string): string {
  return JSON.stringify([domainOf(of), name ?? '', overload])
}

/** Nodes with their inputs, outputs and attributes, those of subgraphs included. Messages nest as deep as the reader's limit at most. */
function partsOf(nodes: readonly NodeProto[]): number {
  let parts = 0
  for (const { input, output, attribute: attributes } of nodes) {
    parts += 1 + (input?.length ?? 0) + (output?.length ?? 0) + (attributes?.length ?? 0)
    for (const { g, graphs } of attributes ?? [])
      for (const graph of [...(g ? [g] : []), ...(graphs ?? [])]) parts += partsOfGraph(graph)
  }
  return parts
}

function partsOfGraph({ node, input, output, initializer, valueInfo }: GraphProto): number {
  const lists = [input, output, initializer, valueInfo]
  return lists.reduce((sum, list) => sum + (list?.length ?? 0), partsOf(node ?? []))
}
