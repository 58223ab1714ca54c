import type { Format, Options, Params, SingleBar } from 'cli-progress'

/**
 * How far some work is. `total`: null if it is unknown. `rate`: returns in words how much is done in a second. `secondsLeft`: an estimate of
 * others; without it, it follows from the progress so far.
 */
export type WorkProgress = {
  text: string
  done: number
  total: number | null
  rate?: (perSecond: number) => string
  secondsLeft?: number | null | undefined
}

/** A line of a terminal that changes. */
export type ProgressLine = {
  show(progress: WorkProgress): void
  /** Removes the line, so that others can be written. */
  clear(): void
}

/** Seconds before which a rate says little. */
const settlingSeconds = 1

/** Returns a line that shows how far work is, with a bar where its end is known. */
export function createProgressLine(stream: NodeJS.WriteStream): ProgressLine {
  let bar: SingleBar | undefined
  let shown: WorkProgress | undefined
  let first = 0
  let isLoading = false
  const begin = () => {
    if (!shown || !bar) return
    first = shown.done
    bar.start(shown.total ?? 0, shown.done)
  }
  const load = async () => {
    const { default: library } = await import('cli-progress')
    const format = (options: Options, params: Params) =>
      shown ? lineOf(shown, first, params, options, library.Format) : ''
    bar = new library.SingleBar(
      { stream, format, barsize: 24, clearOnComplete: true, gracefulExit: false },
      library.Presets.shades_classic,
    )
    begin()
  }
  return {
    show(progress) {
      const isOther = progress.total !== shown?.total || progress.done < shown.done
      shown = progress
      // Few commands get here: those that take long, on a terminal.
      if (!bar) {
        if (!isLoading) void load()
        isLoading = true
      } else if (!bar.isActive) begin()
      else {
        if (isOther) first = progress.done
        if (isOther) bar.setTotal(progress.total ?? 0)
        bar.update(progress.done)
      }
    },
    clear() {
      bar?.stop()
      shown = undefined
    },
  }
}

/** Returns the line in words, with what the library has measured. */
function lineOf(
  { text, done, total, rate, secondsLeft }: WorkProgress,
  first: number,
  { progress, eta, startTime }: Params,
  options: Options,
  { BarFormat, TimeFormat }: typeof Format,
): string {
  const seconds = (Date.now() - startTime) / 1000
  const isSettled = seconds >= settlingSeconds && done > first
  const pace = rate && isSettled ? `, ${rate((done - first) / seconds)}` : ''
  if (total === null || total <= 0) return text + pace
  const estimate = secondsLeft ?? (isSettled ? Number(eta) : Number.NaN)
  const left = Number.isFinite(estimate) ? `, ${TimeFormat(Math.ceil(estimate), options, 1).trim()} left` : ''
  return `${BarFormat(progress, options)} ${Math.floor(progress * 100)} % ${text}${pace}${left}`
}
