import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from 'pino'
import { notWaiting, waitingForDatabase } from '../storage/patience.ts'
import type { HelpedSearch } from './helped-search.ts'
import type { Helper, RangeBoard, TakenRange } from './range-board.ts'

/** Milliseconds of a helping worker. */
export type HelpTimes = {
  /** Between two signs of life. A worker stops within this time once its search is cancelled. */
  beat: number
  /** Until a search is closed without a range of it. */
  linger: number
  /** Without ranges of a search that this worker could not open, or whose ranges it refused. */
  refusal: number
}

const usualTimes: HelpTimes = { beat: 500, linger: 5_000, refusal: 30_000 }

/** Scores candidates of searches that run on other workers, while this one has nothing else to do. */
export type SearchHelper = {
  start(): void
  /** Looks for ranges: this worker may be free now. */
  wake(): void
  /** Gives taken ranges back, and closes the open search. */
  close(): Promise<void>
}

/** A search that is opened, or being opened. `over`: ends it. `isOver`: no further range of it is taken. */
type Opened = {
  jobId: string
  search: Promise<HelpedSearch>
  over: AbortController
  isReady: boolean
  isOver: boolean
}

export type HelperServices = {
  board: RangeBoard
  /** Opens a search. The signal ends the opening and the search. */
  open(jobId: string, signal: AbortSignal): Promise<HelpedSearch>
  /** Number of candidates that this worker scores at the same time. */
  evaluators: number
  /** Returns true if this worker has nothing else to do. */
  isFree(): boolean
  /** Hears how many candidates of a range this worker has scored. */
  onScored(candidates: number): void
  log: Logger
  times?: HelpTimes
}

/** Returns the helper of this process. It has one search open at a time, and as many ranges of it as it has evaluators. */
export function createSearchHelper({
  board,
  open,
  evaluators,
  isFree,
  onScored,
  log,
  times = usualTimes,
}: HelperServices): SearchHelper {
  const helper: Helper = { id: randomUUID(), evaluators }
  const closing = new AbortController()
  /** The taken ranges, by id. */
  const taken = new Map<string, { stop: AbortController; done: Promise<void> }>()
  /** Milliseconds until which ranges of a search are left to others, by the id of its job. */
  const refused = new Map<string, number>()
  let opened: Opened | undefined
  /** Milliseconds since which no range is taken. */
  let idleSince = 0
  let bell = Promise.withResolvers<void>()
  const ring = () => {
    bell.resolve()
    bell = Promise.withResolvers()
  }

  const refuse = async ({ id, jobId }: TakenRange, error: unknown) => {
    log.warn({ err: error, jobId }, 'this worker cannot score candidates of a search now')
    refused.set(jobId, performance.now() + times.refusal)
    if (opened?.jobId === jobId) opened.isOver = true
    await board.release(helper, id)
  }
  const score = async ({ search }: Opened, range: TakenRange, stop: AbortSignal) => {
    try {
      onScored(await (await search).score(range, stop))
    } catch (error) {
      if (stop.aborted) await board.release(helper, range.id)
      else await refuse(range, error)
      return
    }
    if (closing.signal.aborted) await board.release(helper, range.id)
    else await board.settle(helper, range.id)
  }
  const begin = (current: Opened, range: TakenRange) => {
    const stop = new AbortController()
    const done = waitingForDatabase(closing.signal, () => score(current, range, stop.signal))
      .catch((error: unknown) =>
        log.warn({ err: error, jobId: range.jobId }, 'a range of candidates could not be settled'),
      )
      .finally(() => {
        taken.delete(range.id)
        idleSince = performance.now()
        ring()
      })
    taken.set(range.id, { stop, done })
  }
  const openSearch = (jobId: string): Opened => {
    const over = new AbortController()
    const current: Opened = { jobId, search: open(jobId, over.signal), over, isReady: false, isOver: false }
    current.search.then(
      () => {
        current.isReady = true
        ring()
      },
      () => {
        if (opened === current) opened = undefined
      },
    )
    return current
  }
  const closeSearch = async () => {
    const closed = opened
    opened = undefined
    closed?.over.abort(new Error('the help is over'))
    // Who failed to open it has the error.
    const search = await closed?.search.catch(() => undefined)
    await search?.ended.catch((error: unknown) =>
      log.warn({ err: error, jobId: closed?.jobId }, 'a search of another worker could not be closed cleanly'),
    )
  }
  /** Takes a range of the open search, or of another one while no range of the open one is taken. */
  const take = async () => {
    const more = opened && (await board.take(helper, { jobId: opened.jobId }))
    if (more || taken.size > 0) return more
    for (const [jobId, until] of refused) if (until <= performance.now()) refused.delete(jobId)
    return board.take(helper, { except: [...refused.keys()] })
  }
  /** @returns false if there is nothing to do now */
  const takeAndBegin = async (): Promise<boolean> => {
    if (opened?.isOver) {
      if (taken.size > 0 && opened.isReady) return false
      await closeSearch()
    }
    // One range until the search is open, since others could have the rest.
    const most = opened && !opened.isReady ? 1 : evaluators
    if (!isFree() || taken.size >= most) return false
    const range = await take()
    if (!range) return false
    if (opened?.jobId !== range.jobId) {
      await closeSearch()
      opened = openSearch(range.jobId)
    }
    begin(opened, range)
    return true
  }
  /** Waits for the bell. It closes a search of which this worker has had no range for some time, however often the bell rings. */
  const linger = async (rung: Promise<void>) => {
    if (!opened || taken.size > 0) return rung
    const left = Math.max(0, idleSince + times.linger - performance.now())
    const over = new AbortController()
    const lingering = delay(left, 'over', { signal: over.signal }).catch(() => undefined)
    if (left === 0 || (await Promise.race([rung, lingering])) === 'over') await closeSearch()
    over.abort()
  }
  /** Never throws. */
  const help = async () => {
    while (!closing.signal.aborted) {
      const rung = bell.promise
      try {
        if (await takeAndBegin()) continue
        await linger(rung)
      } catch (error) {
        log.warn({ err: error }, 'this worker cannot help searches now')
        await delay(times.linger, undefined, { signal: closing.signal }).catch(() => undefined)
      }
    }
  }
  /** Gives signs of life, and stops ranges that their searches have taken away. */
  const beat = async () => {
    const ids = [...taken.keys()]
    if (ids.length === 0) return
    const held = new Set(await notWaiting(() => board.beat(helper, ids)))
    const gone = ids.filter(id => !held.has(id))
    for (const id of gone) taken.get(id)?.stop.abort()
    const current = opened
    if (gone.length === 0 || !current) return
    // Evaluators cannot leave a single candidate: they end with the search.
    if (!(await notWaiting(() => board.isRunning(current.jobId)))) current.isOver = true
    ring()
  }

  let helping: Promise<void> | undefined
  let stopHearing = () => {}
  let beating: NodeJS.Timeout | undefined
  return {
    start() {
      if (closing.signal.aborted) return
      stopHearing = board.onOffered(ring)
      beating = setInterval(() => {
        // The search takes the candidates of a worker back that gives no sign.
        beat().catch(() => undefined)
      }, times.beat)
      helping = help()
    },
    wake: ring,
    async close() {
      closing.abort()
      stopHearing()
      clearInterval(beating)
      ring()
      await helping
      for (const { stop } of taken.values()) stop.abort()
      // A range that waits for its search to open ends with the search.
      await Promise.all([closeSearch(), ...[...taken.values()].map(({ done }) => done)])
    },
  }
}
