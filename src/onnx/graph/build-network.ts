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
import { readsOf } from './reads-of.ts'
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
    placed: new Map(),
    resolved: new Map(),
    aliases: new Map(),
    expanded: 0,
    expandedParts: 0,
  }
  const graph = model.graph ?? {}
  const opsets = opsetsOf(model.opsetImport)
  const scope = { outer: null, depth: 0, opsets, call: null, around: [], declared: declaredDims(graph) }
  const main = openScope(scope, graph.node ?? [], 'graph')
  graph.input?.forEach((input, index) => {
    const { name, dtype, dims } = describeValue(input)
    const type = [dtype, ...opaque.unknownOf(`graph.input[${index}]`).map(field => field.join('='))].join(' ')
    const value: NetworkInput = { kind: 'input', name, type, dims }
    defineValue(main, name, { kind: 'value', value })
  })
  defineInitializers(main, graph, 'graph', leaves)
  const outputs = (graph.output ?? []).map(({ name }) => resolve(resolver, main, name ?? ''))
  const training = trainingOutputs(resolver, main, model.trainingInfo)
  const { operators, values } = walkBack(resolver, [...outputs, ...training])
  const reached = (graph.input ?? []).flatMap(({ name }): NetworkInput[] => {
    const definition = main.definitions.get(name ?? '')
    const value = definition?.kind === 'value' ? definition.value : undefined
    return value?.kind === 'input' && values.has(value) ? [value] : []
  })
  const network: Network = {
    outputs,
    outputNames: (graph.output ?? []).map(({ name }) => name ?? ''),
    training,
    operators,
    leaves: [...values].filter((value): value is Leaf => value.kind === 'leaf'),
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

type GraphFrame = { operator: Operator; reads: (Value | null)[]; next: number }

/**
 * Reads every operator that the outputs depend on, each after those that it reads. There is no recursion, because
 * chains are as long as a model is deep.
 */
function walkBack(resolver: Resolver, outputs: readonly (Value | null)[]) {
  const operators: Operator[] = []
  const values = new Set<Value>()
  const open = new Set<Operator>()
  const seen = new Set<Operator>()
  const frames: GraphFrame[] = []
  const enter = (value: Value | null) => {
    if (value === null) return
    if (value.kind !== 'result') values.add(value)
    else if (!seen.has(value.operator)) {
      const placed = resolver.placed.get(value.operator)
      if (!placed) return
      seen.add(value.operator)
      open.add(value.operator)
      readOperator(resolver, placed, value.operator)
      frames.push({ operator: value.operator, reads: readsOf(value.operator), next: 0 })
    } else if (open.has(value.operator)) {
      throw malformedGraph(value.operator, 'depends on its own output')
    }
  }
  for (const output of outputs) {
    enter(output)
    for (let frame = frames.at(-1); frame; frame = frames.at(-1)) {
      if (frame.next < frame.reads.length) enter(frame.reads[frame.next++] ?? null)
      else {
        frames.pop()
        open.delete(frame.operator)
        operators.push(frame.operator)
      }
    }
  }
  return { operators, values }
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
