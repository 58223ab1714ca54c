import type { onnx } from 'onnx-proto'
import type { ModelProto } from '../onnx-proto.ts'
import { domainOf } from './network-scope.ts'
import type { OpaqueFields } from './opaque-fields.ts'

export type ModelFunction = { definition: onnx.IFunctionProto; path: string; key: string }

/** The functions of a model, by domain, name and overload. */
export type Functions = ReadonlyMap<string, ModelFunction>

export function functionsOf({ functions }: ModelProto, opaque: OpaqueFields): Functions {
  return new Map(
    functions.map((definition, index): [string, ModelFunction] => {
      const path = `functions[${index}]`
      const key = functionKey(definition, definition.name, opaque.textOf(path, 'overload'))
      return [key, { definition, path, key }]
    }),
  )
}

export function functionKey(of: { domain?: string | null }, name: string | null | undefined, overload: string): string {
  return JSON.stringify([domainOf(of), name ?? '', overload])
}
