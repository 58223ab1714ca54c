/**
 * Mean and population variance of each channel of [rows, channels, ...] values that come in batches, in binary64: of a batch by
 * two passes, of all by merging the batches' moments (Chan, Golub & LeVeque 1983). The order of batches is part of the result.
 */
export class ChannelMoments {
  readonly mean: Float64Array<ArrayBuffer>
  readonly #squares: Float64Array<ArrayBuffer>
  #count = 0

  constructor(channels: number) {
    this.mean = new Float64Array(channels)
    this.#squares = new Float64Array(channels)
  }

  /** Values of each channel so far. */
  get count(): number {
    return this.#count
  }

  /** The population variance of each channel; NaN before there is any value. */
  get variance(): Float64Array<ArrayBuffer> {
    return this.#squares.map(sum => sum / this.#count)
  }

  /** Takes the values of a batch, row by row, in each row channel by channel, of each channel `inner` values. */
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
