import { TureenError } from '../errors.ts'
import { type ByteSource, readBytes } from './byte-source.ts'
import { refuseKnownImpostors } from './impostors.ts'
import type { Frame, Layout, OpaqueField, TensorEntry } from './layout.ts'
import { limitExceeded } from './limit-exceeded.ts'
import { inlineAttributeBytes, inlineAttributeValues, limits } from './limits.ts'
import { type FieldRole, type MessageKind, messages, singularMessages, undecodedWithTensors } from './messages.ts'
import { SkeletonPieces } from './skeleton-pieces.ts'
import { TensorCollector } from './tensor-collector.ts'
import { malformed, readField, type WireCursor, type WireField, wireCursor, wireType } from './wire.ts'

type Scope = {
  kind: MessageKind
  field: WireField
  parent: Scope | null
  label: string
  depth: number
  /** Index of this message in {@link Layout.frames}; -1 until a tensor inside asks for it. */
  frame: number
  occurrences: Map<number, number>
  pieces: SkeletonPieces
  tensor: TensorCollector | null
}

type Walk = { cursor: WireCursor; layout: Layout; runs: number; messages: number; nodes: number }

/**
 * Indexes a model: one pass over its protobuf framing, payloads skipped.
 *
 * @throws TureenError `TUREEN_NOT_ONNX`, `TUREEN_MODEL_MALFORMED`, `TUREEN_MODEL_LIMIT` or `TUREEN_MODEL_UNSUPPORTED`
 */
export function readLayout(source: ByteSource): Layout {
  refuseKnownImpostors(source)
  const layout: Layout = {
    byteLength: source.byteLength,
    skeleton: new Uint8Array(0),
    tensors: [],
    frames: [],
    opaque: [],
    metadata: [],
  }
  const walk: Walk = { cursor: wireCursor(source), layout, runs: 0, messages: 0, nodes: 0 }
  const field = { number: 0, type: wireType.bytes, start: 0, tagEnd: 0, payload: 0, end: source.byteLength }
  const model = openScope('Model', field, null, '')
  readMessage(walk, model)
  if (!model.occurrences.has(7)) {
    throw new TureenError(
      'TUREEN_NOT_ONNX',
      'The file has no graph: it is not an ONNX model, or was cut off before its graph.',
    )
  }
  if (model.pieces.byteLength > limits.skeletonBytes) throw limitExceeded('skeletonBytes', 'bytes of structure')
  layout.skeleton = model.pieces.read(source)
  return layout
}

function openScope(kind: MessageKind, field: WireField, parent: Scope | null, label: string): Scope {
  return {
    kind,
    field,
    parent,
    label,
    depth: parent ? parent.depth + 1 : 0,
    frame: -1,
    occurrences: new Map(),
    pieces: new SkeletonPieces(field.payload, field.end),
    tensor: kind === 'Tensor' ? new TensorCollector() : null,
  }
}

function readMessage(walk: Walk, scope: Scope): void {
  const { cursor } = walk
  const table = messages[scope.kind]
  cursor.offset = scope.field.payload
  while (cursor.offset < scope.field.end) {
    const field = readField(cursor, scope.field.end)
    const [name, role] = table[field.number] ?? [`#${field.number}`, 'undecoded' as const]
    const occurrence = scope.occurrences.get(field.number) ?? 0
    scope.occurrences.set(field.number, occurrence + 1)
    readFieldOf(walk, scope, field, name, role, occurrence)
    cursor.offset = field.end
  }
  if (scope.tensor) finishTensor(walk, scope, scope.tensor)
}

function readFieldOf(
  walk: Walk,
  scope: Scope,
  field: WireField,
  name: string,
  role: FieldRole,
  occurrence: number,
): void {
  switch (role) {
    case 'text':
      if (field.type === wireType.bytes && field.end - field.payload > limits.textBytes) {
        throw limitExceeded('textBytes', `bytes in ${pathOf(scope)}.${name}`)
      }
      return
    case 'ignored':
      if (scope.kind === 'Model' && name === 'metadata_props') {
        walk.layout.metadata.push({ key: entryKey(walk, field), span: { start: field.start, end: field.end } })
      }
      scope.pieces.leaveOut(field.start, field.end)
      return
    case 'value':
      if (occurrence >= inlineAttributeValues) leaveOpaque(walk, scope, field, `${name}[${inlineAttributeValues}...]`)
      else if (field.end - field.payload > inlineAttributeBytes)
        leaveOpaque(walk, scope, field, `${name}[${occurrence}]`)
      return
    case 'undecoded':
      leaveOpaque(walk, scope, field, name)
      findTensors(walk, scope, field, name, occurrence)
      return
    case 'payload':
      if (scope.tensor?.addPayload(field)) countRun(walk)
      scope.pieces.leaveOut(field.start, field.end)
      return
    default:
      readChild(walk, scope, field, name, role, occurrence)
  }
}

function readChild(
  walk: Walk,
  scope: Scope,
  field: WireField,
  name: string,
  kind: MessageKind,
  occurrence: number,
): void {
  const singular = singularMessages.has(`${scope.kind}.${name}`)
  if (singular && occurrence > 0) {
    throw new TureenError(
      'TUREEN_MODEL_UNSUPPORTED',
      `${pathOf(scope)}.${name} is written twice in one message. Load the model and save it again to write it once.`,
    )
  }
  const child = openChild(walk, scope, field, singular ? name : `${name}[${occurrence}]`, kind)
  readMessage(walk, child)
  scope.pieces.include(child.pieces, field)
}

function openChild(walk: Walk, scope: Scope, field: WireField, label: string, kind: MessageKind): Scope {
  if (field.type !== wireType.bytes) throw malformed(`${pathOf(scope)}.${label} is not a message`, field.start)
  if (scope.depth >= limits.messageDepth) throw limitExceeded('messageDepth', 'levels of nested messages')
  walk.messages += 1
  if (walk.messages > limits.messages) throw limitExceeded('messages', 'messages')
  if (kind === 'Node') walk.nodes += 1
  if (walk.nodes > limits.nodes) throw limitExceeded('nodes', 'nodes')
  return openScope(kind, field, scope, label)
}

/** Descends into an undecoded field for its tensors alone: the field as a whole is compared byte by byte. */
function findTensors(walk: Walk, scope: Scope, field: WireField, name: string, occurrence: number): void {
  const kind = undecodedWithTensors.get(`${scope.kind}.${name}`)
  if (kind) readMessage(walk, openChild(walk, scope, field, `${name}[${occurrence}]`, kind))
}

function finishTensor(walk: Walk, scope: Scope, collector: TensorCollector): void {
  const { layout, cursor } = walk
  if (layout.tensors.length >= limits.tensors) throw limitExceeded('tensors', 'tensors')
  const entry: TensorEntry = collector.finish(scope.pieces.read(cursor.source), pathOf(scope), scope.field.start)
  entry.frame = frameOf(layout.frames, scope)
  layout.tensors.push(entry)
}

function frameOf(frames: Frame[], scope: Scope): number {
  if (scope.parent === null) return -1
  if (scope.frame < 0) {
    const parent = frameOf(frames, scope.parent)
    const { tagEnd, payload, end } = scope.field
    scope.frame = frames.push({ parent, lengthStart: tagEnd, payload, end }) - 1
  }
  return scope.frame
}

function leaveOpaque(walk: Walk, scope: Scope, field: WireField, name: string): void {
  scope.pieces.leaveOut(field.start, field.end)
  const path = `${pathOf(scope)}.${name}`
  const last = walk.layout.opaque.at(-1)
  if (last?.path === path && last.span.end === field.start) {
    last.span.end = field.end
    return
  }
  countRun(walk)
  const opaque: OpaqueField = { path, span: { start: field.start, end: field.end } }
  walk.layout.opaque.push(opaque)
}

function countRun(walk: Walk): void {
  walk.runs += 1
  if (walk.runs > limits.payloadRuns) throw limitExceeded('payloadRuns', 'separate stretches of payload')
}

function entryKey(walk: Walk, entry: WireField): string {
  const { cursor } = walk
  let key = ''
  cursor.offset = entry.payload
  while (cursor.offset < entry.end) {
    const field = readField(cursor, entry.end)
    if (field.number !== 1 || field.type !== wireType.bytes) continue
    if (field.end - field.payload > limits.textBytes) throw limitExceeded('textBytes', 'bytes in a metadata key')
    key = new TextDecoder().decode(readBytes(cursor.source, field.payload, field.end - field.payload))
  }
  return key
}

function pathOf(scope: Scope): string {
  if (scope.parent === null) return 'model'
  return scope.parent.parent === null ? scope.label : `${pathOf(scope.parent)}.${scope.label}`
}
