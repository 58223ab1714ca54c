/** For each position of a resampled axis: its two neighbours on the source axis, and the weight of the second one. */
export type AxisSamples = { first: Int32Array; second: Int32Array; share: Float64Array }

/**
 * Returns the source positions for an axis that is resampled from `from` to `to` pixels. Pixels are areas, as in PyTorch's
 * `interpolate(mode='bilinear', align_corners=False)`: source = (i + 0.5) from / to - 0.5, limited to the axis.
 */
export function axisSamples(from: number, to: number): AxisSamples {
  const first = new Int32Array(to)
  const second = new Int32Array(to)
  const share = new Float64Array(to)
  for (let i = 0; i < to; i += 1) {
    const source = Math.max(0, (i + 0.5) * (from / to) - 0.5)
    const before = Math.min(Math.floor(source), from - 1)
    first[i] = before
    second[i] = Math.min(before + 1, from - 1)
    share[i] = before === from - 1 ? 0 : source - before
  }
  return { first, second, share }
}

/** One plane of numbers inside a larger array, row-major. */
export type Plane = { data: ArrayLike<number>; start: number; width: number }

/** Computes row `y` of a resampled plane. @param into receives the row; its length is the width of the result */
export function resampleRow(
  { data, start, width }: Plane,
  rows: AxisSamples,
  columns: AxisSamples,
  y: number,
  into: Float64Array,
): void {
  const upper = start + (rows.first[y] ?? 0) * width
  const lower = start + (rows.second[y] ?? 0) * width
  const down = rows.share[y] ?? 0
  for (let x = 0; x < into.length; x += 1) {
    const left = columns.first[x] ?? 0
    const right = columns.second[x] ?? 0
    const across = columns.share[x] ?? 0
    const above = between(data[upper + left] ?? 0, data[upper + right] ?? 0, across)
    into[x] =
      down === 0 ? above : between(above, between(data[lower + left] ?? 0, data[lower + right] ?? 0, across), down)
  }
}

/** Interpolates between two numbers. A share of 0 is a special case, since 0 times an infinite neighbour would be NaN. */
function between(first: number, second: number, share: number): number {
  return share === 0 ? first : (1 - share) * first + share * second
}
