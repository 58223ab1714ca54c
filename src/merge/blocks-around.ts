import type { Network, Operator } from '../onnx/graph/network.ts'
import type { Block } from './block-names.ts'

/** The largest number of stacks that are followed: each costs two passes over the operators. */
const followedStacks = 64

/**
 * Returns a function that finds the block around an operator whose own block is unknown. Something before the operator
 * and something after it belongs to this block, with no later block before it and no earlier one after it.
 * @returns null for an operator between two blocks, or outside of all
 */
export function blocksAround(
  { operators }: Network,
  known: ReadonlyMap<Operator, Block>,
): (operator: Operator) => Block | null {
  const places = new Map(operators.map((operator, place) => [operator, place]))
  const stacks = [...new Set([...known.values()].map(({ stack }) => stack))]
  if (stacks.length > followedStacks) return () => null
  const passes = stacks.map(stack => {
    const latest = new Float64Array(operators.length).fill(Number.NEGATIVE_INFINITY)
    const earliest = new Float64Array(operators.length).fill(Number.POSITIVE_INFINITY)
    for (const [operator, block] of known) {
      if (block.stack === stack) for (const each of [latest, earliest]) each[places.get(operator) ?? -1] = block.index
    }
    const sources = (operator: Operator) =>
      operator.operands.flatMap(({ value }) => (value?.kind === 'result' ? (places.get(value.operator) ?? []) : []))
    for (const [place, operator] of operators.entries())
      for (const source of sources(operator)) latest[place] = Math.max(at(latest, place), at(latest, source))
    for (const [place, operator] of [...operators.entries()].reverse())
      for (const source of sources(operator)) earliest[source] = Math.min(at(earliest, source), at(earliest, place))
    return { stack, latest, earliest }
  })
  return operator => {
    const place = places.get(operator) ?? -1
    const blocks = passes.flatMap(({ stack, latest, earliest }) => {
      const index = at(latest, place)
      return index === at(earliest, place) ? [{ stack, index }] : []
    })
    return blocks.length === 1 ? (blocks[0] ?? null) : null
  }
}

function at(values: Float64Array, place: number): number {
  return values[place] ?? Number.NaN
}
