import { domainOf } from '../onnx/graph/network-scope.ts'
import type { NodeProto } from '../onnx/onnx-proto.ts'
import type { ExportTarget, GraphTargets } from './graph-targets.ts'

/**
 * A layer into which an exporter can fold the batch norm behind it. `axis`: the axis of the weight with the output
 * channels, those of one of `groups` groups.
 */
export type FoldableLayer = {
  node: NodeProto
  weight: ExportTarget
  bias: ExportTarget
  axis: number
  groups: number
  channels: number
}

/** Returns the layers whose weight and bias are both open: a Conv, a ConvTranspose, a Gemm, or a MatMul with an Add behind it. */
export function foldableLayers(open: readonly ExportTarget[], readersOf: GraphTargets['readersOf']): FoldableLayer[] {
  const byName = new Map(open.map(target => [target.own.name, target]))
  return open.flatMap(weight => {
    const [reader] = weight.own.readers
    // A weight of several layers is folded with the norm of one of them only if all have the same.
    if (!reader || weight.own.readers.length > 1 || reader.port !== 1 || domainOf(reader.node) !== '') return []
    const { node } = reader
    const bias = byName.get(node.opType === 'MatMul' ? addedName(node, readersOf) : (node.input?.[2] ?? ''))
    const place = placeOf(node, weight.tensor.dims)
    if (!bias || !place || bias.own.readers.length > 1) return []
    const channels = (weight.tensor.dims[place.axis] ?? 0) * place.groups
    return bias.tensor.elements === channels ? [{ node, weight, bias, channels, ...place }] : []
  })
}

function placeOf(node: NodeProto, dims: readonly number[]): { axis: number; groups: number } | undefined {
  const attribute = (name: string, otherwise: number) =>
    Number(node.attribute?.find(each => each.name === name)?.i ?? otherwise)
  if (node.opType === 'Conv' && dims.length >= 3) return { axis: 0, groups: 1 }
  if (node.opType === 'ConvTranspose' && dims.length >= 3) return { axis: 1, groups: attribute('group', 1) }
  if (dims.length !== 2) return undefined
  if (node.opType === 'Gemm') return { axis: attribute('transB', 0) === 0 ? 1 : 0, groups: 1 }
  return node.opType === 'MatMul' ? { axis: 1, groups: 1 } : undefined
}

/** Returns the name that an Add adds to a node's result; empty if anything else reads the result. */
function addedName({ output }: NodeProto, readersOf: GraphTargets['readersOf']): string {
  const result = output?.[0] ?? ''
  const readers = readersOf(result)
  const [reader] = readers
  if (!reader || readers.length > 1 || reader.node.opType !== 'Add') return ''
  return reader.node.input?.find(name => name !== result) ?? ''
}
