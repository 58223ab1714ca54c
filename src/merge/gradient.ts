/** A number that changes along the graph: the first at its start, the last at its end, straight lines between. */
export type Gradient = { gradient: number[] }

/** A weight of a model: one for all tensors, or one that changes along the graph. */
export type WeightValue = number | Gradient

export function isGradient(value: unknown): value is Gradient {
  return typeof value === 'object' && value !== null && 'gradient' in value
}

/** The value of something at a place from 0 to 1 along the graph. */
export function valueAt(value: WeightValue, position: number): number {
  if (!isGradient(value)) return value
  const { gradient } = value
  const scaled = position * (gradient.length - 1)
  const before = Math.floor(scaled)
  const rest = scaled - before
  const from = gradient[before] ?? 0
  return rest === 0 ? from : (1 - rest) * from + rest * (gradient[before + 1] ?? from)
}

/** The gradients in a parameter: itself, or some of a list of one value for each model. */
export function gradientsIn(parameter: unknown): Gradient[] {
  return (Array.isArray(parameter) ? parameter : [parameter]).filter(isGradient)
}

/** Parameters at a place along the graph. */
export function parametersAt(parameters: Readonly<Record<string, unknown>>, position: number): Record<string, unknown> {
  const at = (value: unknown) => (isGradient(value) ? valueAt(value, position) : value)
  return mapValues(parameters, value => (Array.isArray(value) ? value.map(at) : at(value)))
}

/** Parameters as they are at each of the points that their gradients name; the others lie between. */
export function parametersAtPoints(parameters: Readonly<Record<string, unknown>>): Record<string, unknown>[] {
  const gradients = Object.values(parameters).flatMap(gradientsIn)
  const points = new Set([
    0,
    ...gradients.flatMap(({ gradient }) => gradient.map((_, i) => i / (gradient.length - 1 || 1))),
  ])
  return [...points].map(point => parametersAt(parameters, point))
}

function mapValues<From, To>(record: Readonly<Record<string, From>>, map: (value: From) => To): Record<string, To> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value)]))
}
