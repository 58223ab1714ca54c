import { TureenError } from '../errors.ts'
import type { ByteSource } from './byte-source.ts'
import { refuseKnownImpostors } from './impostors/impostors.ts'
import type { Layout } from './layout.ts'
import { continueScope, countField, type LayoutScope, openScope, pathOf, placeOf } from './layout-scope.ts'
import { addTensor, countRun, entryKey, leaveOpaque, openChild, partFrame, type Walk } from './layout-walk.ts'
import { limitExceeded } from './limit-exceeded.ts'
import { type FieldRole, type MessageKind, messages, singularMessages, undecodedWithTensors } from './messages.ts'
import { inlineAttributeBytes, inlineAttributeValues, limits } from './model-limits.ts'
import { nameConstant, readFloats } from './node-tensors.ts'
import { emptyField, readField, type WireField, wireCursor, wireType } from './wire.ts'

/** Fields of a tensor whose elements are in another file. */
const externalFields: ReadonlySet<string> = new Set(['external_data', 'data_location'])

/** Field number of a model's graph. */
const graphField = 7

/** Thrown at the first message that is written in several parts; the reader then starts over. */
class WrittenInParts extends Error {}

/**
 * Indexes a model in one pass over its protobuf framing. Payloads are skipped.
 *
 * @throws TureenError `TUREEN_NOT_ONNX`, `TUREEN_MODEL_MALFORMED`, `TUREEN_MODEL_LIMIT` or `TUREEN_MODEL_UNSUPPORTED`
 */
export function readLayout(source: ByteSource): Layout {
  refuseKnownImpostors(source)
  try {
    return readModel(source, false)
  } catch (error) {
    if (mayBeInParts(error)) return readModel(source, true)
    throw error
  }
}

/** True if an error may come from a message in several parts: its first part alone can be a malformed tensor. */
function mayBeInParts(error: unknown): boolean {
  return error instanceof WrittenInParts || (error instanceof TureenError && error.code === 'TUREEN_MODEL_MALFORMED')
}

function readModel(source: ByteSource, merging: boolean): Layout {
  const layout: Layout = {
    byteLength: source.byteLength,
    skeleton: new Uint8Array(0),
    tensors: [],
    frames: [],
    opaque: [],
    metadata: [],
  }
  const walk: Walk = { cursor: wireCursor(source), layout, merging, runs: 0, messages: 0, nodes: 0 }
  const field = { number: 0, type: wireType.bytes, start: 0, tagEnd: 0, payload: 0, end: source.byteLength }
  const model = openScope('Model', field, null, '', -1)
  readMessage(walk, model)
  if (model.counts[graphField] === undefined) {
    throw new TureenError(
      'TUREEN_NOT_ONNX',
      'The file has no graph: it is not an ONNX model, or was cut off before its graph. Export or download it again.',
      [{ expected: 'an ONNX model with a graph', message: 'has no graph' }],
    )
  }
  if (model.pieces.byteLength > limits.skeletonBytes) throw limitExceeded('skeletonBytes', 'bytes of structure')
  layout.skeleton = model.pieces.read(source)
  return layout
}

function readMessage(walk: Walk, scope: LayoutScope): void {
  const tensors = walk.layout.tensors.length
  readFields(walk, scope)
  finish(walk, scope)
  if (scope.kind === 'Node' && walk.layout.tensors.length > tensors) nameConstant(walk, scope, tensors)
}

function readFields(walk: Walk, scope: LayoutScope): void {
  const { cursor } = walk
  const table = messages[scope.kind]
  const { payload, end } = scope.field
  // One for all fields: the scopes of messages inside are read before the next field.
  const field = emptyField()
  cursor.offset = payload
  while (cursor.offset < end) {
    readField(cursor, end, field)
    // Read by index: destructuring would make an iterator for each of millions of fields.
    const known = table[field.number]
    const name = known?.[0] ?? `#${field.number}`
    const role = known?.[1] ?? 'undecoded'
    const occurrence = countField(scope, field.number)
    const isExternal = scope.tensor !== null && externalFields.has(name)
    const frame = isExternal ? partFrame(walk, scope) : undefined
    readFieldOf(walk, scope, field, name, role, occurrence)
    scope.tensor?.addHeader(cursor, field, frame)
    cursor.offset = field.end
  }
}

/** Finishes a message after all of its parts have been read. */
function finish(walk: Walk, scope: LayoutScope): void {
  if (scope.singular) {
    for (const [number, child] of scope.singular) {
      finish(walk, child)
      scope.pieces.append(number, child.pieces)
    }
  }
  if (scope.tensor) addTensor(walk, scope, scope.tensor.finish(walk.cursor, pathOf(scope)))
  if (scope.floats) addTensor(walk, scope, scope.floats.finish(pathOf(scope)))
}

function readFieldOf(
  walk: Walk,
  scope: LayoutScope,
  field: WireField,
  name: string,
  role: FieldRole,
  occurrence: number,
): void {
  switch (role) {
    case 'text':
      if (isLong(field)) throw limitExceeded('textBytes', `bytes in ${pathOf(scope)}.${name}`, placeOf(scope))
      return
    case 'title':
      if (isLong(field)) leaveOpaque(walk, scope, field, name)
      return
    case 'origin':
      if (isLong(field)) scope.pieces.leaveOut(field.start, field.end)
      return
    case 'ignored':
      if (scope.kind === 'Model' && name === 'metadata_props') {
        walk.layout.metadata.push({ key: entryKey(walk, field), span: { start: field.start, end: field.end } })
      }
      scope.pieces.leaveOut(field.start, field.end)
      return
    case 'value':
      if (readFloats(walk, scope, field, name)) return
      if (occurrence >= inlineAttributeValues) leaveOpaque(walk, scope, field, `${name}[${inlineAttributeValues}...]`)
      else if (field.end - field.payload > inlineAttributeBytes)
        leaveOpaque(walk, scope, field, `${name}[${occurrence}]`)
      return
    case 'undecoded':
      leaveOpaque(walk, scope, field, name)
      findTensors(walk, scope, field, name, occurrence)
      return
    case 'payload':
      if (scope.tensor?.addPayload(field, partFrame(walk, scope))) countRun(walk)
      scope.pieces.leaveOut(field.start, field.end)
      return
    default:
      readChild(walk, scope, field, name, role, occurrence)
  }
}

function isLong({ type, payload, end }: WireField): boolean {
  return type === wireType.bytes && end - payload > limits.textBytes
}

function readChild(
  walk: Walk,
  scope: LayoutScope,
  field: WireField,
  name: string,
  kind: MessageKind,
  occurrence: number,
): void {
  const singular = singularMessages[scope.kind]?.has(name) ?? false
  if (singular && walk.merging) {
    readPart(walk, scope, field, name, kind)
    return
  }
  if (singular && occurrence > 0) throw new WrittenInParts()
  const child = openChild(walk, scope, field, name, singular ? -1 : occurrence, kind)
  readMessage(walk, child)
  scope.pieces.include(child.pieces, field)
}

/**
 * Reads one part of a message that may be written in several parts
 * (https://protobuf.dev/programming-guides/encoding/#last-one-wins). Together they are one message with all their
 * fields. The parent joins them when it ends.
 */
function readPart(walk: Walk, scope: LayoutScope, field: WireField, name: string, kind: MessageKind): void {
  scope.pieces.leaveOut(field.start, field.end)
  scope.singular ??= new Map()
  const before = scope.singular.get(field.number)
  // The message is finished after other fields have been read.
  const kept = { ...field }
  const part = openChild(walk, scope, kept, name, -1, kind)
  if (before) continueScope(before, kept)
  else scope.singular.set(field.number, part)
  readFields(walk, before ?? part)
}

/** Descends into an undecoded field only for its tensors. The whole field is also compared byte by byte. */
function findTensors(walk: Walk, scope: LayoutScope, field: WireField, name: string, occurrence: number): void {
  const kind = undecodedWithTensors.get(`${scope.kind}.${name}`)
  if (kind) readMessage(walk, openChild(walk, scope, field, name, occurrence, kind))
}
