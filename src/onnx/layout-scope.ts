import type { AttributeFloats } from './attribute-floats.ts'
import type { Frame } from './layout.ts'
import type { MessageKind } from './messages.ts'
import type { NodeOutline } from './node-outline.ts'
import { SkeletonPieces } from './skeleton-pieces.ts'
import { TensorCollector } from './tensor-collector.ts'
import type { WireField } from './wire.ts'

/** A message that is being read. A message in several parts is one scope; `field` is the part being read. */
export type LayoutScope = {
  kind: MessageKind
  field: WireField
  parent: LayoutScope | null
  /** The name of its field, and its index among several; -1 for a field that occurs once. */
  name: string
  index: number
  depth: number
  /** Index of this message, or of the part being read, in the layout's frames; -1 until a tensor inside needs it. */
  frame: number
  /**
   * The number of occurrences of each field, by field number. Large numbers, which no schema has, are counted in
   * `unknownCounts`.
   */
  counts: number[]
  unknownCounts: Map<number, number> | undefined
  pieces: SkeletonPieces
  tensor: TensorCollector | null
  /**
   * The plain floats of an attribute that are a tensor; null if they are not, undefined until the first value is read.
   */
  floats: AttributeFloats | null | undefined
  /** The outline of a node; undefined until a value inside needs it. */
  outline: NodeOutline | undefined
  /** While parts are joined: the messages inside that may have several parts, by field number. */
  singular: Map<number, LayoutScope> | null
}

/**
 * Returns the scope of a message that begins. `parent`: null for the model. `index`: -1 for a field that occurs once.
 */
export function openScope(
  kind: MessageKind,
  field: WireField,
  parent: LayoutScope | null,
  name: string,
  index: number,
): LayoutScope {
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

/** Field numbers in ONNX are below this. */
const knownNumbers = 64

/** Counts a field of a message; returns the number of earlier occurrences. */
export function countField(scope: LayoutScope, number: number): number {
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

/** Continues with another part of the same message. */
export function continueScope(scope: LayoutScope, field: WireField): void {
  scope.field = field
  scope.frame = -1
  scope.pieces.continueAt(field.payload, field.end)
}

/** Returns the index of a message in the frames; -1 for the model. Adds the message and those around it if needed. */
export function frameOf(frames: Frame[], scope: LayoutScope): number {
  if (scope.parent === null) return -1
  if (scope.frame < 0) {
    const parent = frameOf(frames, scope.parent)
    const { tagEnd, payload, end } = scope.field
    scope.frame = frames.push({ parent, lengthStart: tagEnd, payload, end }) - 1
  }
  return scope.frame
}

/** Returns the path of a message, such as `graph.node[7].attribute[0]`. */
export function pathOf(scope: LayoutScope): string {
  if (scope.parent === null) return 'model'
  return scope.parent.parent === null ? labelOf(scope) : `${pathOf(scope.parent)}.${labelOf(scope)}`
}

/** Returns the label of a message inside its parent, such as `node[7]`. */
export function labelOf({ name, index }: LayoutScope): string {
  return index < 0 ? name : `${name}[${index}]`
}

/** Returns the tensor or node that a message belongs to, for errors. */
export function placeOf(scope: LayoutScope): { tensor?: string; node?: string } {
  for (let at: LayoutScope | null = scope; at; at = at.parent) {
    if (at.kind === 'Tensor') return { tensor: pathOf(at) }
    if (at.kind === 'Node') return { node: pathOf(at) }
  }
  return {}
}
