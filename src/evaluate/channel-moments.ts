/**
 * Computes mean and population variance of each channel of [rows, channels, ...] values, in binary64 and batch by batch. Each batch takes
 * two passes; then its moments are merged with the earlier ones (Chan, Golub & LeVeque 1983). The last bits depend on the order of batches.
 */
export class ChannelMoments {
  readonly mean: Float64Array<ArrayBuffer>
  readonly #squares: Float64Array<ArrayBuffer>
  #count = 0

  constructor(channels: number) {
    this.mean = new Float64Array(channels)
    this.#squares = new Float64Array(channels)
  }

  /** Number of values of each channel so far. */
  get count(): number {
    return this.#count
  }

  /** The population variance of each channel; NaN before the first value. */
  get variance(): Float64Array<ArrayBuffer> {
    return this.#squares.map(sum => sum / this.#count)
  }

  /** Adds a batch of shape [rows, channels, inner], in row-major order. */
  add(values: ArrayLike<number>, rows: number, inner: number): void {
    const channels = this.mean.length
    const count = rows * inner
    if (count === 0) return
    const total = this.#count + count
    for (let channel = 0; channel < channels; channel += 1) {
      let sum = 0
      for (let row = 0; row < rows; row += 1) {
        const start = (row * channels + channel) * inner
        for (let at = start; at < start + inner; at += 1) sum += values[at] ?? 0
      }
      const mean = sum / count
      let squares = 0
      for (let row = 0; row < rows; row += 1) {
        const start = (row * channels + channel) * inner
        for (let at = start; at < start + inner; at += 1) squares += ((values[at] ?? 0) - mean) ** 2
      }
      const before = this.mean[channel] ?? 0
      const delta = mean - before
      this.mean[channel] = before + (delta * count) / total
      this.#squares[channel] = (this.#squares[channel] ?? 0) + squares + (delta * delta * this.#count * count) / total
    }
    this.#count = total
  }
}
