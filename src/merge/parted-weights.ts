import type { Derivation } from '../export/derivation.ts'
import { isMainInitializer, type Span, type TensorEntry } from '../onnx/layout.ts'
import { tensorFields } from '../onnx/messages.ts'
import { NodeProto, TensorProto } from '../onnx/onnx-proto.ts'
import { bytesPart, type Edit } from '../onnx/splice.ts'
import { bytesAt, encodeTag, encodeVarint, readField, wireCursor, wireType } from '../onnx/wire.ts'
import { dtypeOf, rawBytes } from '../tensor/dtype.ts'
import type { IndexedInput } from './merge-input.ts'
import type { PlanPart } from './plan-parts.ts'

/**
 * A weight that gets an initializer of its own, because its values differ from those of the initializer at `path`. `output`: its new name,
 * which is the output of an Identity so far.
 */
export type PartedWeight = { output: string; path: string; derivation: Derivation }

/** Numbers of the fields of a graph. */
const graphFields = { node: 1, initializer: 5 } as const

/** Most bytes of a node that is read: an Identity has names and a doc string. */
const longestIdentity = 1 << 16

/**
 * Returns the edits that part weights from initializers that an exporter merged: each Identity goes, and an initializer with its output's
 * name comes. Undefined if the file lacks one of these nodes or initializers.
 * @param first index of the first parted weight among the tensors of the plan
 */
export function partingEdits(
  { layout, source }: Pick<IndexedInput, 'layout' | 'source'>,
  parted: readonly PartedWeight[],
  first: number,
): Edit<PlanPart>[] | undefined {
  const tensors = new Map(layout.tensors.map(tensor => [tensor.path, tensor]))
  const edits: Edit<PlanPart>[] = []
  const nodes = new Map<number, Map<string, Span>>()
  for (const [index, { output, path }] of parted.entries()) {
    const tensor = tensors.get(path)
    const own = tensor && layout.frames[tensor.frame]
    const graph = own && layout.frames[own.parent]
    if (!tensor || !own || !graph || !isMainInitializer(tensor)) return undefined
    const identities = nodes.get(own.parent) ?? identitiesIn({ source }, graph)
    nodes.set(own.parent, identities)
    const node = identities.get(output)
    if (!node) return undefined
    edits.push({ ...node, frame: own.parent, parts: [] })
    const at = { start: own.end, end: own.end, frame: own.parent }
    const last = edits.find(edit => edit.start === own.end && edit.end === own.end)
    const parts = initializerParts(tensor, output, first + index)
    if (last) last.parts.push(...parts)
    else edits.push({ ...at, parts })
  }
  return edits
}

/** Returns the places of all Identity nodes of a graph, by their outputs. */
function identitiesIn(
  { source }: Pick<IndexedInput, 'source'>,
  graph: { payload: number; end: number },
): Map<string, Span> {
  const found = new Map<string, Span>()
  const cursor = wireCursor(source, graph.payload)
  while (cursor.offset < graph.end) {
    const { number, type, start, payload, end } = readField(cursor, graph.end)
    if (number !== graphFields.node || type !== wireType.bytes || end - payload > longestIdentity) continue
    const { opType, output } = NodeProto.decode(bytesAt(cursor, payload, end))
    const [name] = output
    if (opType === 'Identity' && name) found.set(name, { start, end })
  }
  return found
}

/** Returns an initializer as a field of its graph, with elements as raw_data. */
function initializerParts({ dims, dataType, elements }: TensorEntry, name: string, index: number): PlanPart[] {
  const dtype = dtypeOf(dataType)
  const length = dtype ? rawBytes(dtype, elements) : 0
  const head = Uint8Array.from(TensorProto.encode({ dims, dataType, name }).finish())
  const raw = [encodeTag(tensorFields.rawData, wireType.bytes), encodeVarint(length)]
  const inside = head.byteLength + raw.reduce((sum, { byteLength }) => sum + byteLength, 0) + length
  const before = [encodeTag(graphFields.initializer, wireType.bytes), encodeVarint(inside), head, ...raw]
  return [...before.map(bytesPart), { kind: 'tensor', tensor: index, from: 0, length }]
}
