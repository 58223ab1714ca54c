import type { ByteSource } from '../byte-source.ts'
import { limitExceeded } from '../limit-exceeded.ts'
import { limits } from '../model-limits.ts'
import { type Functions, functionKey, type ModelFunction } from './functions.ts'
import { isInactiveDropout } from './inactive-dropout.ts'
import type { Leaves } from './leaves.ts'
import type { Leaf, Operator, Value } from './network.ts'
import {
  aroundBody,
  type Call,
  type Definition,
  defineValue,
  domainOf,
  isConstant,
  lookUp,
  malformedGraph,
  type NetworkScope,
  nameOfNode,
  openScope,
  type PlacedAttribute,
  type PlacedNode,
  pathOfNode,
  undeclared,
} from './network-scope.ts'
import type { OpaqueFields } from './opaque-fields.ts'
import { noAttributes } from './operator-meaning.ts'

export type Resolver = {
  leaves: Leaves
  functions: Functions
  opaque: OpaqueFields
  /** The model's own file. */
  source: ByteSource
  /** The place of each operator that has been met, by its number. */
  placed: PlacedNode[]
  /** Further names of a tensor or of an operator's results, each with the name of the node that gives it. */
  aliases: Map<Leaf | Operator, Map<string, string>>
  /** The number of nodes of functions after expansion of calls, and of all their parts. */
  expanded: number
  expandedParts: number
}

/**
 * Returns the value that a name stands for, through Identity, Constants and calls of functions. Null for the empty
 * name.
 */
export function resolve(resolver: Resolver, from: NetworkScope, name: string): Value | null {
  const known = knownValue(from, name)
  if (known !== undefined) return known
  // Made at the first step: most names need none.
  let passed: Set<NamedElsewhere> | undefined
  let at: NamedIn = { scope: from, name }
  for (;;) {
    const step = stepFrom(resolver, at)
    if (!('next' in step)) {
      for (const definition of passed ?? []) {
        definition.resolved = step.value
        if (definition.kind === 'output') addAlias(resolver, step.value, definition)
      }
      return step.value
    }
    const { definition } = step
    if (definition.kind === 'output' && passed?.has(definition))
      throw malformedGraph(nameOfNode(definition.of), 'depends on its own output')
    passed ??= new Set()
    passed.add(definition)
    at = step.next
  }
}

/** Returns the value of a name that needs no step to find; undefined if it needs one. Most names of inputs and tensors need none. */
function knownValue(scope: NetworkScope, name: string): Value | null | undefined {
  if (name === '') return null
  const definition = lookUp(scope, name)
  return definition?.kind === 'value' ? definition.value : definition?.resolved
}

type NamedIn = { scope: NetworkScope; name: string }

/** A definition that is no value itself. */
type NamedElsewhere = Exclude<Definition, { kind: 'value' }>

/** Returns a name's value, or the name that it is another name for. */
function stepFrom(
  resolver: Resolver,
  { scope, name }: NamedIn,
): { value: Value | null } | { definition: NamedElsewhere; next: NamedIn } {
  if (name === '') return { value: null }
  const definition = lookUp(scope, name)
  if (!definition) return { value: { kind: 'free', name } }
  if (definition.kind === 'value') return { value: definition.value }
  const { resolved } = definition
  if (resolved !== undefined) return { value: resolved }
  if (definition.kind === 'argument') return { definition, next: definition }
  const { of, index } = definition
  const constant = constantLeaf(resolver, of)
  if (constant) addAlias(resolver, constant, definition)
  const next = constant ? undefined : passThrough(resolver, of, index)
  if (next) return { definition, next }
  const dims = of.scope.declared.get(of.node.output?.[index] ?? '') ?? null
  const value: Value = constant ?? { kind: 'result', name, operator: operatorOf(resolver, of), index, dims }
  definition.resolved = value
  return { value }
}

/** Records the name of a node's output as a further name of the value that the node holds or passes on. */
function addAlias({ aliases }: Resolver, value: Value | null, { of, index }: Definition & { kind: 'output' }): void {
  const owner = value?.kind === 'result' ? value.operator : value?.kind === 'leaf' ? value : undefined
  if (!owner) return
  const names = aliases.get(owner) ?? new Map<string, string>()
  aliases.set(owner, names.set(of.node.output?.[index] ?? '', of.node.name ?? ''))
}

/**
 * Returns the name that a node passes on unchanged: the input of an Identity or of an inactive Dropout, or the output
 * of a function.
 */
function passThrough(
  resolver: Resolver,
  placed: PlacedNode,
  output: number,
): { scope: NetworkScope; name: string } | undefined {
  const { node, scope } = placed
  const domain = domainOf(node)
  const [input] = node.input ?? []
  if (domain === '' && node.opType === 'Identity' && input) return { scope, name: input }
  if (domain === '' && node.opType === 'Dropout' && output === 0 && input && dropsNothing(resolver, placed))
    return { scope, name: input }
  if (resolver.functions.size === 0) return undefined
  const callee = resolver.functions.get(
    functionKey(node, node.opType, resolver.opaque.textOf(pathOfNode(placed), 'overload')),
  )
  if (!callee) return undefined
  const name = callee.definition.output?.[output]
  if (!name) return undefined
  placed.body ??= openCall(resolver, placed, callee)
  return { scope: placed.body, name }
}

function dropsNothing(resolver: Resolver, placed: PlacedNode): boolean {
  const { node, scope } = placed
  const path = pathOfNode(placed)
  const attributes = (node.attribute ?? []).flatMap((attribute, index) => {
    const given = placedAttribute({ attribute, path: `${path}.attribute[${index}]` }, scope.call)
    return given ? [given.attribute] : []
  })
  const name = node.input?.[2] ?? ''
  const trainingMode = name === '' ? null : heldTensor(resolver, { scope, name })
  return isInactiveDropout(scope.opsets.get('') ?? 1, attributes, trainingMode, resolver.source)
}

/**
 * Returns the tensor that a name stands for through copies and calls alone; undefined for any other value. Does not
 * recurse, unlike {@link resolve}.
 */
function heldTensor(resolver: Resolver, start: NamedIn): Leaf | undefined {
  const passed = new Set<Definition>()
  for (let at: NamedIn | undefined = start; at; ) {
    const definition = lookUp(at.scope, at.name)
    if (!definition || passed.has(definition)) return undefined
    passed.add(definition)
    if (definition.kind === 'value') return definition.value.kind === 'leaf' ? definition.value : undefined
    if (definition.kind === 'argument') {
      at = definition
      continue
    }
    const { node, scope } = definition.of
    if (isConstant(definition.of)) return constantLeaf(resolver, definition.of)
    const isCopy = domainOf(node) === '' && node.opType === 'Identity'
    at = isCopy ? { scope, name: node.input?.[0] ?? '' } : undefined
  }
  return undefined
}

function openCall(resolver: Resolver, placed: PlacedNode, callee: ModelFunction): NetworkScope {
  const { node, scope } = placed
  const path = pathOfNode(placed)
  const { definition } = callee
  for (let call = scope.call; call; call = call.outer) {
    if (call.key === callee.key)
      throw malformedGraph(nameOfNode(placed), `calls the function ${definition.name}, which calls itself`)
  }
  resolver.expanded += definition.node?.length ?? 0
  if (resolver.expanded > limits.expandedNodes)
    throw limitExceeded('expandedNodes', 'nodes once functions are expanded')
  resolver.expandedParts += callee.parts
  if (resolver.expandedParts > limits.expandedParts)
    throw limitExceeded('expandedParts', 'nodes, inputs, outputs and attributes once functions are expanded')
  const attributes = new Map<string, PlacedAttribute>()
  node.attribute?.forEach((attribute, index) => {
    const given = placedAttribute({ attribute, path: `${path}.attribute[${index}]` }, scope.call)
    if (given) attributes.set(attribute.name ?? '', given)
  })
  const call: Call = { key: callee.key, path: callee.path, attributes, outer: scope.call }
  const opsets = callee.opsets ?? scope.opsets
  const around = aroundBody(placed)
  const { path: ownPath } = callee
  const values = { path: ownPath, outer: null, depth: scope.depth, opsets, call, around, declared: undeclared }
  const body = openScope(values, definition.node ?? [])
  definition.input?.forEach((formal, index) => {
    if (formal)
      defineValue(body, formal, { kind: 'argument', scope, name: node.input?.[index] ?? '', resolved: undefined })
  })
  return body
}

/**
 * Returns an attribute; if it refers to an attribute of the function around it, returns the value from the call.
 * Undefined if the call gives none.
 */
export function placedAttribute(placed: PlacedAttribute, call: Call | null): PlacedAttribute | undefined {
  const { refAttrName, name } = placed.attribute
  if (!refAttrName) return placed
  const given = call?.attributes.get(refAttrName)
  return given && { path: given.path, attribute: { ...given.attribute, name: name ?? '' } }
}

function constantLeaf({ leaves }: Resolver, placed: PlacedNode): Leaf | undefined {
  if (!isConstant(placed)) return undefined
  const { node, scope } = placed
  const [name, own] = [nameOfNode(placed), pathOfNode(placed)]
  const [first] = (node.attribute ?? []).flatMap((attribute, index) => {
    const given = placedAttribute({ attribute, path: `${own}.attribute[${index}]` }, scope.call)
    return given ? [given] : []
  })
  if (!first) return undefined
  const { attribute, path } = first
  const around = [own, path]
  return (
    leaves.dense(`${path}.t`, name, around) ??
    leaves.dense(`${path}.f`, name, around) ??
    leaves.dense(`${path}.floats`, name, around) ??
    leaves.sparse(`${path}.sparse_tensor`, name, attribute.sparseTensor?.dims ?? [], around) ??
    leaves.literal(path, name, node.output?.[0] ?? name, attribute, [own])
  )
}

function operatorOf({ placed }: Resolver, at: PlacedNode): Operator {
  if (at.operator) return at.operator
  const { node } = at
  const outputs = node.output ?? []
  const operator: Operator = {
    id: placed.length,
    name: nameOfNode(at),
    nodes: aroundBody(at),
    domain: domainOf(node),
    opType: node.opType ?? '',
    version: at.scope.opsets.get(domainOf(node)) ?? 1,
    epoch: 0,
    attributes: noAttributes,
    operands: [],
    outputs: outputs.findLastIndex(output => output !== '') + 1,
    subgraphs: [],
  }
  at.operator = operator
  placed.push(at)
  return operator
}
