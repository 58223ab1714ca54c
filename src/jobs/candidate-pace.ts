import { rangeMilliseconds } from './candidate-lanes.ts'

const rangeSeconds = rangeMilliseconds / 1000

/** Most candidates of an offered range, however fast they are scored. Their keys take about 3 ms to compute. */
const mostCandidates = 64

/** Weight of the newest candidate in the mean of the seconds that candidates take. */
const newestWeight = 0.2

/** The pace at which the evaluators of this process score candidates of a search. */
export type CandidatePace = {
  /** Tells that there are candidates from now on. */
  begin(): void
  /** Adds the seconds of a scored candidate. */
  add(seconds: number): void
  /** Seconds of a candidate. Before there is a measure, the seconds since the beginning; undefined while these are few. */
  seconds(): number | undefined
}

/**
 * @param evaluators their number; the first score of each is no measure, because it waits for files
 * @param now milliseconds of a clock that only goes forward
 */
export function candidatePace(evaluators: number, now: () => number): CandidatePace {
  let cold = evaluators
  let begunAt: number | undefined
  let mean: number | undefined
  return {
    begin() {
      begunAt ??= now()
    },
    add(seconds) {
      cold -= 1
      if (cold >= 0) return
      mean = mean === undefined ? seconds : mean + newestWeight * (seconds - mean)
    },
    seconds() {
      const soFar = (now() - (begunAt ?? now())) / 1000
      return mean ?? (soFar >= rangeSeconds ? soFar : undefined)
    },
  }
}

/** Returns the number of candidates that some evaluators score in the time of a range. @param seconds those of a candidate */
export function shareOf(evaluators: number, seconds: number): number {
  return Math.floor((evaluators * rangeSeconds) / seconds)
}

/** Returns the number of candidates of a range for one evaluator. @param seconds those of a candidate */
export function rangeSize(seconds: number): number {
  return Math.max(1, Math.min(mostCandidates, shareOf(1, seconds)))
}
