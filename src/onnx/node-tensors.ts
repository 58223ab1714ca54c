import { AttributeFloats, constantFloats } from './attribute-floats.ts'
import { mayBeAveraged } from './classic-models.ts'
import type { Scope } from './layout-scope.ts'
import { countRun, type Walk } from './layout-walk.ts'
import { attributeName, type NodeOutline, nodeOutline } from './node-outline.ts'
import type { WireField } from './wire.ts'

/** Takes a value of an attribute for part of the tensor that its floats are. @returns whether they are one */
export function readFloats(walk: Walk, scope: Scope, field: WireField, name: string): boolean {
  if (name !== 'f' && name !== 'floats') return false
  if (scope.floats === undefined) scope.floats = floatsOf(walk, scope)
  if (scope.floats?.field !== name) return false
  if (scope.floats.add(field)) countRun(walk)
  scope.pieces.leaveOut(field.start, field.end)
  return true
}

/** What gathers the floats of an attribute: a Constant's value, or a list of a classic model that is averaged. Null if they are neither. */
function floatsOf(walk: Walk, { field, parent }: Scope): AttributeFloats | null {
  const name = attributeName(walk.cursor, field.payload, field.end)
  const holder = constantFloats.get(name)
  if (holder) return new AttributeFloats(holder, '')
  if (!mayBeAveraged(name) || parent?.kind !== 'Node') return null
  const { averagedLists, output } = outlineOf(walk, parent)
  if (!averagedLists.includes(name)) return null
  return new AttributeFloats('floats', output === '' ? '' : `${output}.${name}`)
}

/** Gives what a Constant holds, from the given tensor on, the name of its output: that of the tensor is often empty or the same for all. */
export function nameConstant(walk: Walk, scope: Scope, first: number): void {
  const { isConstant, output } = outlineOf(walk, scope)
  if (!isConstant || !output) return
  for (const tensor of walk.layout.tensors.slice(first)) if (!tensor.path.endsWith('.indices')) tensor.name = output
}

function outlineOf({ cursor }: Walk, node: Scope): NodeOutline {
  node.outline ??= nodeOutline(cursor, node.field.payload, node.field.end)
  return node.outline
}
