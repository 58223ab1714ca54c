import { isAbove } from '../classes/argmax.ts'
import { axisSamples, resampleRow } from './bilinear.ts'
import type { MaskLayout } from './mask-layout.ts'

/** Receives row `y` of image `sample`: the class of each pixel, or its number if there is one channel. The next row overwrites it. */
type TakeRow = (sample: number, y: number, row: Float64Array) => void

/**
 * Resamples the scores bilinearly to the size of the masks, and passes each row of predictions to `take`. It holds only one row of one
 * class at a time. It calls `endSample` after the rows of an image.
 */
export function predictedRows(data: ArrayLike<number>, layout: MaskLayout, take: TakeRow, endSample: () => void): void {
  const { samples, channels, scoreHeight, scoreWidth, height, width } = layout
  const rows = axisSamples(scoreHeight, height)
  const columns = axisSamples(scoreWidth, width)
  const planeSize = scoreHeight * scoreWidth
  const scores = new Float64Array(width)
  const best = new Float64Array(width)
  const classes = new Float64Array(width)
  for (let sample = 0; sample < samples; sample += 1) {
    const planeOf = (c: number) => ({ data, start: (sample * channels + c) * planeSize, width: scoreWidth })
    for (let y = 0; y < height; y += 1) {
      resampleRow(planeOf(0), rows, columns, y, best)
      classes.fill(0)
      for (let c = 1; c < channels; c += 1) {
        resampleRow(planeOf(c), rows, columns, y, scores)
        keepBest(scores, c, best, classes)
      }
      take(sample, y, channels === 1 ? best : classes)
    }
    endSample()
  }
}

function keepBest(scores: Float64Array, c: number, best: Float64Array, classes: Float64Array): void {
  for (let x = 0; x < scores.length; x += 1) {
    const score = scores[x] ?? 0
    if (!isAbove(score, best[x] ?? 0)) continue
    best[x] = score
    classes[x] = c
  }
}
