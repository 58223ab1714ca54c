import type { onnx } from 'onnx-proto'
import type { GraphProto, ModelProto, NodeProto } from '../onnx-proto.ts'
import { domainOf, opsetsOf } from './network-scope.ts'
import type { OpaqueFields } from './opaque-fields.ts'

/**
 * A model-local function. `opsets`: its imports, undefined if it imports none. `parts`: the number of nodes, inputs,
 * outputs and attributes that replace a call.
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

/** Returns the functions that a model defines. */
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

/** Returns the key of a function in {@link Functions}. */
export function functionKey(of: { domain?: string | null }, name: string | null | undefined, overload: string): string {
  return JSON.stringify([domainOf(of), name ?? '', overload])
}

/**
 * Counts nodes with their inputs, outputs and attributes, including subgraphs. Recursion is safe: the reader limits how
 * deep messages nest.
 */
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
