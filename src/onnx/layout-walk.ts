import { readBytes } from './byte-source.ts'
import type { Layout, OpaqueField, TensorEntry } from './layout.ts'
import { frameOf, labelOf, openScope, pathOf, type Scope } from './layout-scope.ts'
import { limitExceeded } from './limit-exceeded.ts'
import { limits } from './limits.ts'
import type { MessageKind } from './messages.ts'
import { decodeName } from './names.ts'
import { malformed, readField, type WireCursor, type WireField, wireType } from './wire.ts'

/** `merging`: whether messages that are written in several parts are put together, which costs more than where there are none. */
export type Walk = {
  cursor: WireCursor
  layout: Layout
  merging: boolean
  runs: number
  messages: number
  nodes: number
}

/** Opens a message inside another. @throws TureenError `TUREEN_MODEL_MALFORMED`, or `TUREEN_MODEL_LIMIT` if there are too many or too deep */
export function openChild(
  walk: Walk,
  scope: Scope,
  field: WireField,
  name: string,
  index: number,
  kind: MessageKind,
): Scope {
  const child = openScope(kind, field, scope, name, index)
  if (field.type !== wireType.bytes) throw malformed(`${pathOf(scope)}.${labelOf(child)} is not a message`, field.start)
  if (scope.depth >= limits.messageDepth) throw limitExceeded('messageDepth', 'levels of nested messages')
  walk.messages += 1
  if (walk.messages > limits.messages) throw limitExceeded('messages', 'messages')
  if (kind === 'Node') walk.nodes += 1
  if (walk.nodes > limits.nodes) throw limitExceeded('nodes', 'nodes')
  return child
}

/** Records a tensor, with the message that encloses it. */
export function addTensor({ layout }: Walk, scope: Scope, entry: TensorEntry): void {
  if (layout.tensors.length >= limits.tensors) throw limitExceeded('tensors', 'tensors')
  entry.frame = frameOf(layout.frames, scope)
  layout.tensors.push(entry)
}

/** The frame of the part of a message that the reader is in, where there can be several. */
export function partFrame({ merging, layout }: Walk, scope: Scope): number | undefined {
  return merging ? frameOf(layout.frames, scope) : undefined
}

/** Leaves a field out of the skeleton that must agree between models all the same. */
export function leaveOpaque(walk: Walk, scope: Scope, field: WireField, name: string): void {
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

/** Counts a separate stretch of payload. @throws TureenError `TUREEN_MODEL_LIMIT` */
export function countRun(walk: Walk): void {
  walk.runs += 1
  if (walk.runs > limits.payloadRuns) throw limitExceeded('payloadRuns', 'separate stretches of payload')
}

/** The key of a metadata entry; empty if it is longer than any that is asked for. */
export function entryKey(walk: Walk, entry: WireField): string {
  const { cursor } = walk
  let key = ''
  cursor.offset = entry.payload
  while (cursor.offset < entry.end) {
    const field = readField(cursor, entry.end)
    if (field.number !== 1 || field.type !== wireType.bytes) continue
    const length = field.end - field.payload
    key = length > limits.textBytes ? '' : decodeName(readBytes(cursor.source, field.payload, length))
  }
  return key
}
