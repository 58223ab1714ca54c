/**
 * A number that changes along the graph, or from block to block. The first value is at the start, the last at the end;
 * values between are interpolated linearly.
 */
export type Gradient = { gradient: number[]; by?: 'graph' | 'block' | undefined }

/** A weight of a model: one for all tensors, or a gradient. */
export type WeightValue = number | Gradient

/**
 * The position of a tensor, from 0 to 1. `graph`: among the operators with weights. `block`: among the blocks of its
 * stack, 0 outside of blocks.
 */
export type Position = { graph: number; block: number }

export const startPosition: Position = { graph: 0, block: 0 }

/** True if a value has the form of a gradient. Its numbers are not checked. */
export function isGradient(value: unknown): value is Gradient {
  return typeof value === 'object' && value !== null && 'gradient' in value
}

/** Returns a weight's value for a tensor at a position. */
export function valueAt(value: WeightValue, position: Position): number {
  if (!isGradient(value)) return value
  const { gradient, by = 'graph' } = value
  const scaled = position[by] * (gradient.length - 1)
  const before = Math.floor(scaled)
  const rest = scaled - before
  const from = gradient[before] ?? 0
  return rest === 0 ? from : (1 - rest) * from + rest * (gradient[before + 1] ?? from)
}

/** Returns the gradients in a parameter: the parameter itself, or items of a list of one value for each model. */
export function gradientsIn(parameter: unknown): Gradient[] {
  return (Array.isArray(parameter) ? parameter : [parameter]).filter(isGradient)
}

/** Returns the parameters for a tensor at a position. */
export function parametersAt(
  parameters: Readonly<Record<string, unknown>>,
  position: Position,
): Record<string, unknown> {
  const at = (value: unknown) => (isGradient(value) ? valueAt(value, position) : value)
  return mapValues(parameters, value => (Array.isArray(value) ? value.map(at) : at(value)))
}

/**
 * Returns parameters at each point of their gradients, which must all run by one kind of position. All other values lie
 * between these.
 */
export function parametersAtPoints(parameters: Readonly<Record<string, unknown>>): Record<string, unknown>[] {
  return [...pointsOf(parameters)].map(point => parametersAt(parameters, { graph: point, block: point }))
}

/** Returns how many numbers {@link parametersAtPoints} computes: one for each value at each point. */
export function valuesAtPoints(parameters: Readonly<Record<string, unknown>>): number {
  return Object.values(parameters).flat().length * pointsOf(parameters).size
}

/** Returns the positions, from 0 to 1, of the points of all gradients. */
function pointsOf(parameters: Readonly<Record<string, unknown>>): ReadonlySet<number> {
  const lengths = new Set(
    Object.values(parameters)
      .flatMap(gradientsIn)
      .map(({ gradient }) => gradient.length),
  )
  return new Set([0, ...[...lengths].flatMap(length => Array.from({ length }, (_, i) => i / (length - 1 || 1)))])
}

/** Returns the kinds of position that the gradients among some values run by. */
export function gradientKinds(values: Iterable<unknown>): ReadonlySet<keyof Position> {
  return new Set([...values].flatMap(gradientsIn).map(({ by = 'graph' }) => by))
}

function mapValues<From, To>(record: Readonly<Record<string, From>>, map: (value: From) => To): Record<string, To> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value)]))
}
