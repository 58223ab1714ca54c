import type { Layout, OpaqueField, TensorEntry } from './layout.ts'
import { frameOf, type LayoutScope, labelOf, openScope, pathOf } from './layout-scope.ts'
import { limitExceeded } from './limit-exceeded.ts'
import type { MessageKind } from './messages.ts'
import { limits } from './model-limits.ts'
import { readName } from './names.ts'
import { malformed, readField, type WireCursor, type WireField, wireType } from './wire.ts'

/**
 * The state of a pass over a model. `merging`: true to join messages in several parts, which costs time even if there
 * are none.
 */
export type Walk = {
  cursor: WireCursor
  layout: Layout
  merging: boolean
  runs: number
  messages: number
  nodes: number
}

/**
 * Opens a message inside another.
 *
 * @throws TureenError `TUREEN_MODEL_MALFORMED`, or `TUREEN_MODEL_LIMIT` if there are too many messages or levels
 */
export function openChild(
  walk: Walk,
  scope: LayoutScope,
  field: WireField,
  name: string,
  index: number,
  kind: MessageKind,
): LayoutScope {
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
export function addTensor({ layout }: Walk, scope: LayoutScope, entry: TensorEntry): void {
  if (layout.tensors.length >= limits.tensors) throw limitExceeded('tensors', 'tensors')
  entry.frame = frameOf(layout.frames, scope)
  layout.tensors.push(entry)
}

/** Returns the frame of the part being read, if messages may have several parts. */
export function partFrame({ merging, layout }: Walk, scope: LayoutScope): number | undefined {
  return merging ? frameOf(layout.frames, scope) : undefined
}

/** Leaves out of the skeleton a field that models must nevertheless agree in. */
export function leaveOpaque(walk: Walk, scope: LayoutScope, field: WireField, name: string): void {
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

/** Counts a separate run of payload. @throws TureenError `TUREEN_MODEL_LIMIT` */
export function countRun(walk: Walk): void {
  walk.runs += 1
  if (walk.runs > limits.payloadRuns) throw limitExceeded('payloadRuns', 'separate stretches of payload')
}

/** Returns the key of a metadata entry; empty if it is too long to be one that the server looks for. */
export function entryKey(walk: Walk, entry: WireField): string {
  const { cursor } = walk
  let key = ''
  cursor.offset = entry.payload
  while (cursor.offset < entry.end) {
    const field = readField(cursor, entry.end)
    if (field.number !== 1 || field.type !== wireType.bytes) continue
    key = field.end - field.payload > limits.textBytes ? '' : readName(cursor, field.payload, field.end)
  }
  return key
}
