import { isAbove } from '../classes/argmax.ts'
import { axisSamples, resampleRow } from './bilinear.ts'
import type { MaskLayout } from './mask-layout.ts'

/** Row `y` of image `sample`: the class of each pixel, or with one channel its number. The next row overwrites it. */
type TakeRow = (sample: number, y: number, row: Float64Array) => void

/**
 * Brings the scores to the size of the masks, bilinearly, and gives `take` row after row what each pixel is. Only one
 * row of one class exists at a time. `endSample` follows the rows of an image.
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
