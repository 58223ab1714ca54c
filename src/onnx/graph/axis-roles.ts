import { intAttribute, textAttribute } from './attribute-values.ts'
import type { Operator } from './network.ts'

/**
 * The role of a weight's axis in the operator that reads it. `unit`: the index selects the output unit. `inside`: the
 * operator sums over the axis. `groups`: the axis consists of this many groups in a row; the group selects the unit,
 * and the rest is summed over.
 */
export type AxisRole = 'unit' | 'inside' | { groups: number }

type AxisReading = (operator: Operator, rank: number) => AxisRole[] | undefined

/** Input 0 of a matrix product is summed over its last axis, input 1 over its last but one. */
const left: AxisReading = (_, rank) => contracted(rank, rank - 1)
const right: AxisReading = (_, rank) => contracted(rank, rank - 2)
const filters: AxisReading = (_, rank) => units(rank, [0])
const table: AxisReading = (_, rank) => units(rank, [0])
/** Gates of one direction, and of the state before: (directions, gates * hidden, inputs). */
const gates: AxisReading = (_, rank) => units(rank, [0, 1])

/**
 * (input channels, output channels of one group, kernel ...). Each group of input channels leads to output channels of
 * its own.
 */
const transposedFilters: AxisReading = (operator, rank) => {
  const groups = intAttribute(operator, 'group', 1)
  return Array.from({ length: rank }, (_, axis) =>
    axis === 1 ? 'unit' : axis === 0 && groups > 1 ? { groups } : 'inside',
  )
}

function turned(attribute: string, plain: AxisReading, transposed: AxisReading): AxisReading {
  return (operator, rank) => {
    // A transposed batch axis has an attribute of its own, and makes another product.
    if (['transBatchA', 'transBatchB'].some(name => intAttribute(operator, name, 0) !== 0)) return undefined
    return (intAttribute(operator, attribute, 0) === 0 ? plain : transposed)(operator, rank)
  }
}

const gemm: Readonly<Record<string, AxisReading>> = {
  0: turned('transA', left, right),
  1: turned('transB', right, left),
}
const matMul: Readonly<Record<string, AxisReading>> = { 0: left, 1: right }

/** Operators by domain, name and input (https://onnx.ai/onnx/operators, onnxruntime's ContribOperators.md). */
const readings: Readonly<Record<string, Readonly<Record<string, Readonly<Record<string, AxisReading>>>>>> = {
  '': {
    Conv: { 1: filters },
    ConvTranspose: { 1: transposedFilters },
    DeformConv: { 1: filters },
    Einsum: { 0: einsum(0), 1: einsum(1), 2: einsum(2), 3: einsum(3) },
    GRU: { 1: gates, 2: gates },
    Gather: { 0: (operator, rank) => units(rank, [axisOf(operator, rank)]) },
    Gemm: gemm,
    LSTM: { 1: gates, 2: gates },
    MatMul: matMul,
    RNN: { 1: gates, 2: gates },
  },
  'com.microsoft': {
    Attention: { 1: right },
    ConvTransposeWithDynamicPads: { 1: transposedFilters },
    EmbedLayerNormalization: { 2: table, 3: table, 4: table },
    FusedConv: { 1: filters },
    FusedGemm: gemm,
    FusedMatMul: gemm,
    GemmFastGelu: matMul,
    NhwcConv: { 1: filters },
    NhwcFusedConv: { 1: filters },
    TransposeMatMul: gemm,
  },
}

const domains = new Map(
  Object.entries(readings).map(([domain, operators]) => [
    domain,
    new Map(Object.entries(operators).map(([opType, ports]) => [opType, new Map(Object.entries(ports))])),
  ]),
)

/**
 * Returns the roles of the axes of an operator's input of a given rank; undefined if the operator or the input has no
 * output units.
 */
export function axisRoles(operator: Operator, port: string, rank: number): AxisRole[] | undefined {
  return rank === 0 ? undefined : domains.get(operator.domain)?.get(operator.opType)?.get(port)?.(operator, rank)
}

/** Returns the axis that an operator such as Gather works along. */
export function axisOf(operator: Operator, rank: number): number {
  const axis = intAttribute(operator, 'axis', 0)
  return axis < 0 ? axis + rank : axis
}

function units(rank: number, axes: readonly number[]): AxisRole[] {
  return Array.from({ length: rank }, (_, axis) => (axes.includes(axis) ? 'unit' : 'inside'))
}

/** A vector is summed over on either side. */
function contracted(rank: number, axis: number): AxisRole[] {
  return Array.from({ length: rank }, (_, each) => (each === Math.max(0, axis) ? 'inside' : 'unit'))
}

/** Letters in the result belong to units; the others are summed over. An ellipsis stands for batch axes. */
function einsum(input: number): AxisReading {
  return (operator, rank) => {
    const equation = textAttribute(operator, 'equation')?.replaceAll(' ', '')
    const [inputs = '', result] = equation?.split('->') ?? []
    const terms = inputs.split(',')
    const [before = '', behind] = (terms[input] ?? '').split('...')
    const letters = before.length + (behind?.length ?? 0)
    if (behind === undefined ? letters !== rank : letters > rank) return undefined
    const all = [...terms.join('')]
    const kept = result ?? all.filter(letter => all.indexOf(letter) === all.lastIndexOf(letter)).join('')
    const role = (letter: string): AxisRole => (kept.includes(letter) ? 'unit' : 'inside')
    const batch = Array.from(
      { length: rank - letters },
      (): AxisRole => (result?.includes('...') === false ? 'inside' : 'unit'),
    )
    const own = new Set(before + (behind ?? ''))
    // A letter that one input has twice reads a diagonal.
    return own.size < letters ? undefined : [...[...before].map(role), ...batch, ...[...(behind ?? '')].map(role)]
  }
}
