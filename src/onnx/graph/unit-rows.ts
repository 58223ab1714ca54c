import { isSameLayout, type RowAxis, type RowLayout, rowLayout } from '../../tensor/row-layout.ts'
import type { TensorEntry } from '../layout.ts'
import { intsAttribute } from './attribute-values.ts'
import { type AxisRole, axisOf, axisRoles } from './axis-roles.ts'
import type { Network, Operator, Value } from './network.ts'

/**
 * A weight as an operator receives it. `axes`: the weight's axis for each axis of the value. `isWhole`: true if the
 * value has all elements of the weight, so that the axes have the same lengths.
 */
type View = { tensor: TensorEntry; axes: readonly number[]; isWhole: boolean }

/** The largest number of weights followed in one value. After a Concat of more, none is followed. */
const mostViews = 64

/** Operators that pass on their first input with all of its axes at their lengths. */
const handsOn: ReadonlySet<string> = new Set([
  'Cast',
  'CastLike',
  'Clip',
  'DequantizeLinear',
  'Dropout',
  'QuantizeLinear',
])
/** Operators that pass on their first input (Concat: any input) with its axes, shorter or longer. */
const handsOnPart: ReadonlySet<string> = new Set(['Concat', 'Pad', 'Slice', 'Split'])
const scalings: ReadonlySet<string> = new Set(['Add', 'Div', 'Mul', 'Sub'])

/**
 * Returns the rows of each weight that an operator reads as weights of output units, by the weight's path. A row holds
 * the elements that lead to one output unit. It is null if operators disagree, and missing for a weight that no such
 * operator reads. Transpose, casts, slices, and products with a tensor of the model are followed. Reshape, and states
 * and inputs of loops, are not.
 */
export function unitRows({ operators }: Pick<Network, 'operators'>): ReadonlyMap<string, RowLayout | null> {
  const rows = new Map<string, RowLayout | null>()
  const handedOn = new Map<Operator, View[]>()
  for (const operator of operators) {
    const views: View[] = []
    for (const { port, value } of operator.operands) {
      for (const view of viewsOf(value, handedOn)) {
        const next = passed(operator, port, view)
        if (next) views.push(next)
        else note(rows, view, axisRoles(operator, port, view.axes.length))
      }
    }
    if (views.length > 0 && views.length <= mostViews) handedOn.set(operator, views)
  }
  return rows
}

function viewsOf(value: Value | null, handedOn: ReadonlyMap<Operator, readonly View[]>): readonly View[] {
  if (value?.kind === 'result') return handedOn.get(value.operator) ?? []
  // The values of a sparse tensor have no axes.
  if (value?.kind !== 'leaf' || !value.isWeight || !value.tensor || value.indices) return []
  return [{ tensor: value.tensor, axes: value.tensor.dims.map((_, axis) => axis), isWhole: true }]
}

/** Returns the view of a weight in the result of an operator; undefined if the operator does more than pass it on. */
function passed(operator: Operator, port: string, view: View): View | undefined {
  const { domain, opType, operands } = operator
  if (domain !== '') return undefined
  const { axes } = view
  if (handsOn.has(opType) && port === '0') return view
  if (handsOnPart.has(opType) && (port === '0' || opType === 'Concat')) return { ...view, isWhole: false }
  if (opType === 'Transpose' && port === '0') {
    const order = intsAttribute(operator, 'perm') ?? axes.map((_, axis) => axes.length - 1 - axis)
    const turned = order.map(axis => axes[axis] ?? -1)
    return turned.includes(-1) || turned.length !== axes.length ? undefined : { ...view, axes: turned }
  }
  if (opType === 'Gather' && port === '0') {
    const indices = operands.find(operand => operand.port === '1')?.value
    const rank = indices?.kind === 'leaf' ? indices.tensor?.dims.length : undefined
    // Indices in the model choose one of several weights; other indices look up rows of a table.
    if (rank === undefined || rank > 1) return undefined
    const axis = axisOf(operator, axes.length)
    return { ...view, axes: rank === 1 ? axes : axes.toSpliced(axis, 1), isWhole: false }
  }
  if (scalings.has(opType)) {
    const other = operands.find(operand => operand.port !== port)?.value
    const dims = other?.kind === 'leaf' ? other.tensor?.dims : undefined
    return dims && view.isWhole && spreadsInto(dims, view) ? view : undefined
  }
  return undefined
}

/** True if an element-wise operation with a tensor of these dims leaves the weight's dims unchanged. */
function spreadsInto(dims: readonly number[], { tensor, axes }: View): boolean {
  const first = axes.length - dims.length
  return first >= 0 && dims.every((dim, index) => dim === 1 || dim === tensor.dims[axes[first + index] ?? -1])
}

function note(rows: Map<string, RowLayout | null>, view: View, roles: readonly AxisRole[] | undefined): void {
  const layout = roles && layoutOf(view, roles)
  if (!layout) return
  const { path } = view.tensor
  const known = rows.get(path)
  if (known === undefined) rows.set(path, layout)
  else if (known && !isSameLayout(known, layout)) rows.set(path, null)
}

function layoutOf({ tensor, axes, isWhole }: View, roles: readonly AxisRole[]): RowLayout | undefined {
  const own: RowAxis[] = []
  for (const [axis, length] of tensor.dims.entries()) {
    const at = axes.indexOf(axis)
    // If one index along an axis was chosen, the axis separates weights with units of their own.
    const role = at < 0 ? 'unit' : roles[at]
    if (role === undefined) return undefined
    if (typeof role === 'string') {
      own.push({ length, isUnit: role === 'unit' })
      continue
    }
    const { groups } = role
    if (!isWhole || !(groups > 0) || length % groups !== 0) return undefined
    own.push({ length: groups, isUnit: true }, { length: length / groups, isUnit: false })
  }
  return rowLayout(own)
}
