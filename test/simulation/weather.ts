import type { Random } from '../support/random.ts'

/** How bad the world of a run is, by its seed: some have many faults of one kind and none of another, which finds more than the same of each. */
export type Weather = {
  /** Milliseconds of one way between two processes. */
  latency(): number
  databaseLoss(): number
  bucketLoss(): number
  repeats(): number
  /** Faults that befall whole processes and servers, as a number of each. */
  kills: number
  stops: number
  restarts: number
  interruptions: number
  deafness: number
  freezes: number
  /** Ends all faults. */
  clear(): void
}

/** Returns the weather of a seed. */
export function weatherOf(random: Random): Weather {
  const often = (rates: readonly number[]) => random.pick(rates)
  const slow = often([1, 1, 3, 20])
  const tail = often([0, 0.01, 0.05])
  const rates = {
    database: often([0, 0, 0.002, 0.01]),
    bucket: often([0, 0, 0.02, 0.1]),
    repeats: often([0, 0.1, 0.5]),
  }
  const count = () => often([0, 0, 1, 2, 4])
  let isClear = false
  const unlessClear = (rate: number) => () => (isClear ? 0 : rate)
  return {
    latency() {
      const isLate = !isClear && random.next() < tail
      return (0.2 + random.next()) * slow * (isLate ? 100 : 1)
    },
    databaseLoss: unlessClear(rates.database),
    bucketLoss: unlessClear(rates.bucket),
    repeats: unlessClear(rates.repeats),
    kills: count(),
    stops: count(),
    restarts: count(),
    interruptions: count(),
    deafness: count(),
    freezes: count(),
    clear() {
      isClear = true
    },
  }
}
