import { AttributeFloats, constantFloats } from './attribute-floats.ts'
import { mayBeAveraged } from './classic-models.ts'
import type { LayoutScope } from './layout-scope.ts'
import { countRun, type Walk } from './layout-walk.ts'
import { attributeName, type NodeOutline, nodeOutline } from './node-outline.ts'
import type { WireField } from './wire.ts'

/** Adds a value of an attribute to the attribute's tensor of floats. Returns false if its floats are not a tensor. */
export function readFloats(walk: Walk, scope: LayoutScope, field: WireField, name: string): boolean {
  if (name !== 'f' && name !== 'floats') return false
  if (scope.floats === undefined) scope.floats = floatsOf(walk, scope)
  if (scope.floats?.field !== name) return false
  if (scope.floats.add(field)) countRun(walk)
  scope.pieces.leaveOut(field.start, field.end)
  return true
}

/**
 * Returns a collector for the floats of an attribute that are a Constant's value, or an averaged list of a classic
 * model; otherwise null.
 */
function floatsOf(walk: Walk, { field, parent }: LayoutScope): AttributeFloats | null {
  const name = attributeName(walk.cursor, field.payload, field.end)
  const holder = constantFloats.get(name)
  if (holder) return new AttributeFloats(holder, '')
  if (!mayBeAveraged(name) || parent?.kind !== 'Node') return null
  const { averagedLists, output } = outlineOf(walk, parent)
  if (!averagedLists.includes(name)) return null
  return new AttributeFloats('floats', output === '' ? '' : `${output}.${name}`)
}

/**
 * Names the tensors of a Constant, from index `first` on, after its output. Their own names are often empty or all the
 * same.
 */
export function nameConstant(walk: Walk, scope: LayoutScope, first: number): void {
  const { isConstant, output } = outlineOf(walk, scope)
  if (!isConstant || !output) return
  for (const tensor of walk.layout.tensors.slice(first)) if (!tensor.path.endsWith('.indices')) tensor.name = output
}

function outlineOf({ cursor }: Walk, node: LayoutScope): NodeOutline {
  node.outline ??= nodeOutline(cursor, node.field.payload, node.field.end)
  return node.outline
}
