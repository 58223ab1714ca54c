import type { AttributeFloats } from './attribute-floats.ts'
import type { Frame } from './layout.ts'
import type { MessageKind } from './messages.ts'
import type { NodeOutline } from './node-outline.ts'
import { SkeletonPieces } from './skeleton-pieces.ts'
import { TensorCollector } from './tensor-collector.ts'
import type { WireField } from './wire.ts'

/** A message that is being read. One that is written in several parts is one scope, `field` the part that the reader is in. */
export type Scope = {
  kind: MessageKind
  field: WireField
  parent: Scope | null
  /** The name of the field that it stands in, and which of several it is; -1 if there can be one alone. */
  name: string
  index: number
  depth: number
  /** Index of this message, or this part of it, in the frames of the layout; -1 until a tensor inside asks for it. */
  frame: number
  /** How often each field was met, by its number; numbers that no schema has stand apart, as they can be any. */
  counts: number[]
  unknownCounts: Map<number, number> | undefined
  pieces: SkeletonPieces
  tensor: TensorCollector | null
  /** The plain floats of an attribute that are a tensor; null if they are none, undefined until the first value is met. */
  floats: AttributeFloats | null | undefined
  /** The outline of a node; undefined until a value in it asks for it. */
  outline: NodeOutline | undefined
  /** When parts are put together: the messages inside that can be written in several, by field number. */
  singular: Map<number, Scope> | null
}

export function openScope(
  kind: MessageKind,
  field: WireField,
  parent: Scope | null,
  name: string,
  index: number,
): Scope {
  return {
    kind,
    field,
    parent,
    name,
    index,
    depth: parent ? parent.depth + 1 : 0,
    frame: -1,
    counts: [],
    unknownCounts: undefined,
    pieces: new SkeletonPieces(field.payload, field.end),
    tensor: kind === 'Tensor' ? new TensorCollector() : null,
    floats: undefined,
    outline: undefined,
    singular: null,
  }
}

/** Field numbers in ONNX are smaller. */
const knownNumbers = 64

/** Counts a field of a message. @returns how often it was met before */
export function countField(scope: Scope, number: number): number {
  if (number < knownNumbers) {
    const before = scope.counts[number] ?? 0
    scope.counts[number] = before + 1
    return before
  }
  scope.unknownCounts ??= new Map()
  const before = scope.unknownCounts.get(number) ?? 0
  scope.unknownCounts.set(number, before + 1)
  return before
}

/** Goes on with another part of the same message. */
export function continueScope(scope: Scope, field: WireField): void {
  scope.field = field
  scope.frame = -1
  scope.pieces.continueAt(field.payload, field.end)
}

/** The index of a message in the frames, to which it and those around it are added where they are not there yet; -1 for the model. */
export function frameOf(frames: Frame[], scope: Scope): number {
  if (scope.parent === null) return -1
  if (scope.frame < 0) {
    const parent = frameOf(frames, scope.parent)
    const { tagEnd, payload, end } = scope.field
    scope.frame = frames.push({ parent, lengthStart: tagEnd, payload, end }) - 1
  }
  return scope.frame
}

/** Where a message stands, such as `graph.node[7].attribute[0]`. */
export function pathOf(scope: Scope): string {
  if (scope.parent === null) return 'model'
  return scope.parent.parent === null ? labelOf(scope) : `${pathOf(scope.parent)}.${labelOf(scope)}`
}

/** What a message is called within the one around it, such as `node[7]`. */
export function labelOf({ name, index }: Scope): string {
  return index < 0 ? name : `${name}[${index}]`
}

/** The tensor or node that a message belongs to, as errors name it. */
export function placeOf(scope: Scope): { tensor?: string; node?: string } {
  for (let at: Scope | null = scope; at; at = at.parent) {
    if (at.kind === 'Tensor') return { tensor: pathOf(at) }
    if (at.kind === 'Node') return { node: pathOf(at) }
  }
  return {}
}
