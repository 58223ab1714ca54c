import { z } from 'zod'
import { jsonSchema, pythonLiteral, type Schema } from './json-schema.ts'

/** A class or an alias of the module. `text`: its definition; `isAlias`: true if what it names must stand before it. */
type Definition = { name: string; text: string; isAlias: boolean }

const described = z.object({ components: z.object({ schemas: z.record(z.string(), jsonSchema) }) })

const head = `"""The types of the API: what the server takes and answers. A script of the project writes this file from the OpenAPI document; do not edit it.

Each type is a dictionary with these keys. Keys that may be left out stand in a class of their own, since Python 3.9 has no NotRequired.
"""

from __future__ import annotations

from typing import Any, Dict, List, Literal, TypedDict, Union

`

/** Returns the Python module that declares the schemas of an OpenAPI document as TypedDicts and aliases. */
export function pythonTypes(document: unknown): string {
  const { schemas } = described.parse(document).components
  const definitions = new Map<string, Definition>()
  /** Names of classes by their schemas: what several types have in common is one class. */
  const known = new Map<string, string>()
  const taken = new Set(Object.keys(schemas))

  function freeName(name: string): string {
    for (let number = 1; ; number += 1) {
      const numbered = number === 1 ? name : `${name}${number}`
      if (taken.has(numbered)) continue
      taken.add(numbered)
      return numbered
    }
  }

  /** Returns a type as an expression. @param hint name of the class, if it needs one */
  function expression(schema: Schema, hint: string): string {
    if (schema.$ref) return schema.$ref.replace('#/components/schemas/', '')
    const choices = schema.anyOf ?? schema.oneOf
    if (choices) return union(choices.map(choice => expression(choice, `${hint}${suffixOf(choice)}`)))
    if (schema.const !== undefined) return `Literal[${pythonLiteral(schema.const)}]`
    if (schema.enum) return `Literal[${schema.enum.map(pythonLiteral).join(', ')}]`
    const types = [schema.type ?? []].flat()
    return types.length === 0 ? 'Any' : union(types.map(type => ofType(type, schema, hint)))
  }

  function ofType(type: string, schema: Schema, hint: string): string {
    if (type === 'array') return `List[${expression(schema.items ?? {}, `${hint}Item`)}]`
    if (type !== 'object') return simpleTypes[type] ?? 'Any'
    if (schema.properties) return classOf(schema, hint)
    const { additionalProperties: values } = schema
    return `Dict[str, ${typeof values === 'object' ? expression(values, `${hint}Value`) : 'Any'}]`
  }

  function classOf(schema: Schema, hint: string): string {
    const shape = JSON.stringify(schema.properties) + JSON.stringify(schema.required ?? [])
    const same = known.get(shape)
    if (same !== undefined) return same
    const name = freeName(hint)
    known.set(shape, name)
    define(name, schema)
    return name
  }

  function define(name: string, schema: Schema): void {
    const { properties } = schema
    if (!properties || schema.anyOf || schema.oneOf) {
      definitions.set(name, { name, text: `${name} = ${quoted(expression(schema, name))}\n`, isAlias: true })
      return
    }
    const required = new Set(schema.required)
    const fields = Object.entries(properties).map(([key, value]) => ({
      key,
      type: expression(value, `${name}${pascal(key)}`),
      isRequired: required.has(key),
    }))
    definitions.set(name, { name, text: classText(name, schema.description, fields), isAlias: false })
  }

  for (const name of Object.keys(schemas).sort()) define(name, schemas[name] ?? {})
  const all = [...definitions.values()]
  const texts = [...all.filter(({ isAlias }) => !isAlias), ...all.filter(({ isAlias }) => isAlias)]
  return `${head}\n${texts.map(({ text }) => text).join('\n\n')}`
}

const simpleTypes: Record<string, string> = {
  string: 'str',
  integer: 'int',
  number: 'float',
  boolean: 'bool',
  null: 'None',
}

type Field = { key: string; type: string; isRequired: boolean }

function classText(name: string, description: string | undefined, fields: readonly Field[]): string {
  const docstring = description === undefined ? [] : [`    """${sentence(description)}"""`, '']
  const required = fields.filter(({ isRequired }) => isRequired)
  const optional = fields.filter(({ isRequired }) => !isRequired)
  // Words of Python, such as lambda, cannot name a field of a class.
  if (fields.some(({ key }) => pythonWords.has(key))) {
    const entries = fields.map(({ key, type }) => `        ${pythonLiteral(key)}: ${JSON.stringify(type)},\n`).join('')
    return `${name} = TypedDict(\n    "${name}",\n    {\n${entries}    },\n${optional.length > 0 ? '    total=False,\n' : ''})\n`
  }
  const lines = (some: readonly Field[]) => some.map(({ key, type }) => `    ${key}: ${type}`)
  const body = (some: readonly Field[]) => {
    const all = [...docstring, ...lines(some)]
    return `${(all.length > 0 ? all : ['    pass']).join('\n')}\n`
  }
  if (optional.length === 0) return `class ${name}(TypedDict):\n${body(required)}`
  if (required.length === 0) return `class ${name}(TypedDict, total=False):\n${body(optional)}`
  const base = `_${name}Required`
  return `class ${base}(TypedDict):\n${lines(required).join('\n')}\n\n\nclass ${name}(${base}, total=False):\n${body(optional)}`
}

const pythonWords = new Set(['class', 'lambda', 'from', 'is', 'in', 'not', 'and', 'or', 'def', 'pass', 'global'])

/** Returns an alias whose names need not be defined before it. */
function quoted(type: string): string {
  return type.replaceAll(/"[^"]*"|\b[A-Z]\w*\b/g, name =>
    name.startsWith('"') || typingNames.has(name) ? name : `"${name}"`,
  )
}

const typingNames = new Set(['Any', 'Dict', 'List', 'Literal', 'Union', 'None', 'True', 'False'])

function union(types: readonly string[]): string {
  const different = [...new Set(types)]
  return different.length === 1 ? (different[0] ?? 'Any') : `Union[${different.join(', ')}]`
}

/** Returns the part of a name that tells a variant from the others: its constant, such as the type of a strategy. */
function suffixOf({ properties = {} }: Schema): string {
  const constant = Object.values(properties).find(value => typeof value.const === 'string')?.const
  return typeof constant === 'string' ? pascal(constant) : ''
}

function pascal(text: string): string {
  return text.replaceAll(/(?:^|[^A-Za-z0-9]+)([A-Za-z0-9]?)/g, (_, first: string) => first.toUpperCase())
}

function sentence(text: string): string {
  const escaped = text.replaceAll('\\', '\\\\').replaceAll('"""', "'''")
  return /[.!?]$/.test(escaped) ? escaped : `${escaped}.`
}
