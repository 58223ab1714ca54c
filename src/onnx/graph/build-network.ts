import { createHash } from 'node:crypto'
import type { ByteSource } from '../byte-source.ts'
import type { Layout } from '../layout.ts'
import type { GraphProto, ModelProto } from '../onnx-proto.ts'
import { describeValue } from '../skeleton.ts'
import { classifyLeaves } from './classify-leaves.ts'
import { type Functions, functionsOf } from './functions.ts'
import { Leaves } from './leaves.ts'
import type { Leaf, Network, NetworkInput, Operator, Value } from './network.ts'
import {
  declaredDims,
  defineInitializers,
  defineValue,
  malformedGraph,
  type NetworkScope,
  openScope,
  opsetsOf,
} from './network-scope.ts'
import { OpaqueFields } from './opaque-fields.ts'
import { readOperator } from './read-operator.ts'
import { type Resolver, resolve } from './resolve.ts'
import { trainingOutputs } from './training.ts'

/**
 * Builds the network of a model by a walk from its outputs. Order and names of nodes and tensors have no part in it,
 * nor has anything that no output depends on. Takes time linear in the size of the graph with functions expanded.
 *
 * @throws TureenError `TUREEN_MODEL_MALFORMED` for a cycle, a name that two nodes define, or a function that calls
 * itself; `TUREEN_MODEL_LIMIT` for functions that expand to too many nodes
 */
export function buildNetwork(layout: Layout, model: ModelProto, source: ByteSource): Network {
  const opaque = new OpaqueFields(layout, source)
  const leaves = new Leaves(layout, opaque)
  const functions: Functions = functionsOf(model, opaque)
  const resolver: Resolver = {
    leaves,
    functions,
    opaque,
    source,
    placed: [],
    aliases: new Map(),
    expanded: 0,
    expandedParts: 0,
  }
  const graph = model.graph ?? {}
  const opsets = opsetsOf(model.opsetImport)
  const scope = { path: 'graph', outer: null, depth: 0, opsets, call: null, around: [], declared: declaredDims(graph) }
  const main = openScope(scope, graph.node ?? [])
  graph.input?.forEach((input, index) => {
    const { name, dtype, dims } = describeValue(input)
    const type = [dtype, ...opaque.unknownOf(`graph.input[${index}]`).map(field => field.join('='))].join(' ')
    const value: NetworkInput = { kind: 'input', name, type, dims }
    defineValue(main, name, { kind: 'value', value })
  })
  defineInitializers(main, graph, 'graph', leaves)
  const outputs = (graph.output ?? []).map(({ name }) => resolve(resolver, main, name ?? ''))
  const training = trainingOutputs(resolver, main, model.trainingInfo)
  const { operators, read, inputs } = walkBack(resolver, [...outputs, ...training])
  const reached = (graph.input ?? []).flatMap(({ name }): NetworkInput[] => {
    const definition = main.definitions.get(name ?? '')
    const value = definition?.kind === 'value' ? definition.value : undefined
    return value?.kind === 'input' && inputs.has(value) ? [value] : []
  })
  const network: Network = {
    outputs,
    outputNames: (graph.output ?? []).map(({ name }) => name ?? ''),
    training,
    operators,
    leaves: read,
    inputs: reached,
    annotated: annotatedLeaves(resolver, main, graph),
    unknown: unknownFields(opaque),
    aliases: resolver.aliases,
  }
  classifyLeaves(
    network,
    (graph.output ?? []).map(({ name }, index) => name ?? String(index)),
  )
  return network
}

/** An operator that is being read. `inner`: the outputs of its subgraphs. `next`: the index of its next operand, or of the next one after. */
type OpenOperator = { operator: Operator; inner: readonly (Value | null)[]; next: number }

const noValues: readonly Value[] = []

const innerOutputs = ({ subgraphs }: Operator) => subgraphs.flatMap(({ outputs }) => outputs)

/**
 * Reads every operator that the outputs depend on, each after those that it reads. There is no recursion, because
 * chains are as long as a model is deep.
 */
function walkBack(resolver: Resolver, outputs: readonly (Value | null)[]) {
  const operators: Operator[] = []
  const read: Leaf[] = []
  /** By the leaf's number. */
  const isRead: boolean[] = []
  const inputs = new Set<NetworkInput>()
  /** By the operator's number; undefined before the walk meets it. */
  const states: ('open' | 'read' | undefined)[] = []
  const open: OpenOperator[] = []
  const enter = (value: Value | null) => {
    if (value === null) return
    if (value.kind === 'input') inputs.add(value)
    else if (value.kind === 'leaf') {
      if (isRead[value.id]) return
      isRead[value.id] = true
      read.push(value)
    } else if (value.kind === 'result') {
      const { operator } = value
      const state = states[operator.id]
      if (state === 'open') throw malformedGraph(operator.name, 'depends on its own output')
      const placed = resolver.placed[operator.id]
      if (state === 'read' || !placed) return
      states[operator.id] = 'open'
      readOperator(resolver, placed, operator)
      open.push({ operator, inner: operator.subgraphs.length === 0 ? noValues : innerOutputs(operator), next: 0 })
    }
  }
  for (const output of outputs) {
    enter(output)
    for (let last = open.at(-1); last; last = open.at(-1)) {
      const { operator, inner, next } = last
      const { operands } = operator
      last.next += 1
      if (next < operands.length) enter(operands[next]?.value ?? null)
      else if (next < operands.length + inner.length) enter(inner[next - operands.length] ?? null)
      else {
        open.pop()
        states[operator.id] = 'read'
        operators.push(operator)
      }
    }
  }
  return { operators, read, inputs }
}

/** Returns the leaves that annotations of quantisation name: scales and zero points outside of the graph. */
function annotatedLeaves(resolver: Resolver, main: NetworkScope, graph: GraphProto): Map<Leaf, string> {
  const named = (graph.quantizationAnnotation ?? []).flatMap(
    ({ quantParameterTensorNames }) => quantParameterTensorNames ?? [],
  )
  return new Map(
    named.flatMap(({ key, value: name }): [Leaf, string][] => {
      const value = resolve(resolver, main, name ?? '')
      return value?.kind === 'leaf' ? [[value, key || 'a value']] : []
    }),
  )
}

/** Returns a digest of the fields of the model and its graph that no schema knows; empty if there are none. */
function unknownFields(opaque: OpaqueFields): string {
  const fields = ['model', 'graph'].flatMap(owner =>
    opaque.unknownOf(owner).map(([name, sha256]) => `${owner}.${name} ${sha256}`),
  )
  return fields.length === 0 ? '' : createHash('sha256').update(fields.sort().join()).digest('hex')
}
