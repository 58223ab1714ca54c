import { TureenError } from '../../errors.ts'
import { dtypeOf } from '../../tensor/dtype.ts'
import { isMainInitializer, type Layout, type TensorEntry } from '../layout.ts'
import type { GraphProto, ModelProto, NodeProto } from '../onnx-proto.ts'
import { domainOf } from './network-scope.ts'
import { namesTaken, nodesWithin, producersOf, reachedFrom } from './reach.ts'

/**
 * A BatchNormalization of the main graph whose running statistics are initializers or Constants of its own, unchanged
 * or cast. `input`: the name of its input value. `level`: 1 if no other such node comes before it, otherwise one more
 * than the highest level before it. So a node's input depends only on the statistics of lower levels.
 */
export type BatchNorm = { node: string; input: string; mean: TensorEntry; variance: TensorEntry; level: number }

/** A BatchNormalization whose statistics are left unchanged, and why. */
export type LeftBatchNorm = { node: string; reason: string }

export type BatchNorms = { measurable: BatchNorm[]; left: LeftBatchNorm[] }

/**
 * Positions of X, mean and variance among the node's inputs
 * (https://onnx.ai/onnx/operators/onnx__BatchNormalization.html).
 */
const slots = { input: 0, mean: 3, variance: 4 } as const

/** Finds the batch norms of a model. Measurable ones are in the order of their nodes. */
export function findBatchNorms(layout: Layout, model: ModelProto): BatchNorms {
  const graph: GraphProto = model.graph ?? {}
  const nodes = graph.node ?? []
  const origins: Origins = {
    nodes,
    producers: producersOf(nodes),
    uses: countUses(graph),
    initializers: new Map(layout.tensors.filter(isMainInitializer).map(tensor => [tensor.name, tensor])),
    byPath: new Map(layout.tensors.map(tensor => [tensor.path, tensor])),
    sharedWith: sharedBytes(layout),
  }
  const left: LeftBatchNorm[] = []
  const found: { index: number; norm: Omit<BatchNorm, 'level'> }[] = []
  for (const [index, node] of nodes.entries()) {
    for (const inner of nodesWithin(node).filter(isBatchNorm))
      left.push({
        node: labelOf(inner),
        reason: `is in a subgraph of ${labelOf(node)}, whose values cannot be measured`,
      })
    if (!isBatchNorm(node)) continue
    const statistics = statisticsOf(node, origins)
    if (typeof statistics === 'string') left.push({ node: labelOf(node), reason: statistics })
    else found.push({ index, norm: { node: labelOf(node), input: node.input?.[slots.input] ?? '', ...statistics } })
  }
  for (const { name, node: body } of model.functions ?? [])
    for (const node of (body ?? []).flatMap(each => [each, ...nodesWithin(each)]).filter(isBatchNorm))
      left.push({
        node: labelOf(node),
        reason: `is in the model-local function ${name}, whose values cannot be measured`,
      })
  return { measurable: withLevels(found, nodes), left }
}

/**
 * Finds the batch norms of a model, at least one of them measurable.
 * @throws TureenError `TUREEN_RECALIBRATION_IMPOSSIBLE` with the reason for each node, if none is measurable
 */
export function requireBatchNorms(layout: Layout, model: ModelProto): BatchNorms {
  const norms = findBatchNorms(layout, model)
  if (norms.measurable.length > 0) return norms
  if (norms.left.length === 0) {
    const message =
      'has no BatchNormalization: either the network never had any, or the exporter has folded them into the weights of the layers before them'
    throw new TureenError(
      'TUREEN_RECALIBRATION_IMPOSSIBLE',
      `There are no running statistics to measure: the model ${message}. Export with batch norms kept (torch.onnx.export(..., training=TrainingMode.PRESERVE)), or leave out recalibrate.`,
      [{ field: 'recalibrate', expected: 'BatchNormalization', message }],
    )
  }
  throw new TureenError(
    'TUREEN_RECALIBRATION_IMPOSSIBLE',
    `None of the ${norms.left.length} batch norms can be measured: ${norms.left[0]?.node} ${norms.left[0]?.reason}. Leave out recalibrate, or export the model in another way.`,
    norms.left.map(({ node, reason }) => ({ node, message: reason })),
  )
}

function isBatchNorm(node: NodeProto): boolean {
  return node.opType === 'BatchNormalization' && domainOf(node) === ''
}

function labelOf({ name, output }: NodeProto): string {
  return name || output?.[0] || 'BatchNormalization'
}

/** Returns the tensors of a node's running statistics, or the reason why they cannot be replaced. */
function statisticsOf(node: NodeProto, origins: Origins): { mean: TensorEntry; variance: TensorEntry } | string {
  const attribute = (name: string) => Number(node.attribute?.find(each => each.name === name)?.i ?? 0)
  if (attribute('training_mode') !== 0 || (node.output ?? []).slice(1).some(name => name !== ''))
    return 'normalises by the statistics of each batch (training mode), not by running statistics'
  if (node.attribute?.some(each => each.name === 'spatial' && Number(each.i ?? 0) === 0))
    return 'has statistics for every position, not for every channel (spatial is 0)'
  const found: TensorEntry[] = []
  for (const slot of [slots.mean, slots.variance]) {
    const name = node.input?.[slot] ?? ''
    const tensor = storedTensor(name, origins)
    if (typeof tensor === 'string') return tensor
    if (!dtypeOf(tensor.dataType)?.float) return `reads ${name}, which is not of a floating-point type`
    const other = origins.sharedWith(tensor)
    if (other) return `reads ${name}, which shares bytes of the data file with ${other.name || other.path}`
    found.push(tensor)
  }
  const [mean, variance] = found
  return mean && variance && mean.elements === variance.elements
    ? { mean, variance }
    : 'has different numbers of means and variances'
}

/** The origins of a graph's values, and the number of places that use each. */
type Origins = {
  nodes: readonly NodeProto[]
  producers: ReadonlyMap<string, number>
  uses: ReadonlyMap<string, number>
  initializers: ReadonlyMap<string, TensorEntry>
  byPath: ReadonlyMap<string, TensorEntry>
  /** Returns another tensor that shares bytes with this one in the data file. */
  sharedWith(tensor: TensorEntry): TensorEntry | undefined
}

/** Returns the tensor that a value is, or is cast from, if nothing else uses it; otherwise the reason. */
function storedTensor(name: string, origins: Origins): TensorEntry | string {
  const { nodes, producers, uses, initializers, byPath } = origins
  for (let at = name; ; ) {
    // A value with other uses would change for them as well. This also ends a cycle of nodes.
    if ((uses.get(at) ?? 0) > 1) return `reads ${at}, which is used in other places as well`
    const initializer = initializers.get(at)
    if (initializer) return initializer
    const index = producers.get(at) ?? -1
    const node = nodes[index]
    const isKnown = node !== undefined && domainOf(node) === ''
    if (isKnown && node.opType === 'Constant') {
      const place = node.attribute?.findIndex(each => each.name === 'value') ?? -1
      const tensor = byPath.get(`graph.node[${index}].attribute[${place}].t`)
      if (tensor) return tensor
    }
    if (!isKnown || (node.opType !== 'Cast' && node.opType !== 'Identity'))
      return `reads ${name || 'statistics'}, which is computed or an input, and not an initializer`
    at = node.input?.[0] ?? ''
  }
}

/** Finds for each external tensor another one that shares bytes with it in the data file. */
function sharedBytes({ tensors }: Layout): Origins['sharedWith'] {
  const shared = new Map<TensorEntry, TensorEntry>()
  const placed = tensors.flatMap(tensor => {
    const { payload } = tensor
    if (payload.form !== 'external' || payload.length === 0) return []
    return [{ tensor, location: payload.location, start: payload.offset, end: payload.offset + payload.length }]
  })
  for (const some of Map.groupBy(placed, ({ location }) => location).values()) {
    some.sort((a, b) => a.start - b.start)
    let furthest: (typeof some)[number] | undefined
    for (const each of some) {
      if (furthest && each.start < furthest.end) {
        if (!shared.has(furthest.tensor)) shared.set(furthest.tensor, each.tensor)
        shared.set(each.tensor, furthest.tensor)
      }
      if (!furthest || each.end > furthest.end) furthest = each
    }
  }
  return tensor => shared.get(tensor)
}

/** Counts the places of the graph, including subgraphs, that use each name. */
function countUses({ node: nodes = [], output }: GraphProto): Map<string, number> {
  const uses = new Map<string, number>()
  const count = (name: string) => uses.set(name, (uses.get(name) ?? 0) + 1)
  for (const node of nodes ?? []) for (const name of namesTaken(node)) count(name)
  for (const { name } of output ?? []) count(name ?? '')
  return uses
}

function withLevels(
  found: readonly { index: number; norm: Omit<BatchNorm, 'level'> }[],
  nodes: readonly NodeProto[],
): BatchNorm[] {
  const producers = producersOf(nodes)
  const isFound = new Set(found.map(({ index }) => index))
  const level = new Map<number, number>()
  // Nodes come after all that they depend on, so the levels before a node are known.
  const order = reachedFrom(
    found.flatMap(({ norm }) => norm.input),
    nodes,
    producers,
  )
  const before = new Map<number, number>()
  for (const index of [...order, ...found.map(each => each.index)]) {
    const node = nodes[index]
    if (!node) continue
    let highest = 0
    for (const name of namesTaken(node)) {
      const producer = producers.get(name)
      if (producer !== undefined) highest = Math.max(highest, before.get(producer) ?? 0)
    }
    if (isFound.has(index)) level.set(index, highest + 1)
    before.set(index, isFound.has(index) ? highest + 1 : highest)
  }
  return found.map(({ index, norm }) => ({ ...norm, level: level.get(index) ?? 1 }))
}
