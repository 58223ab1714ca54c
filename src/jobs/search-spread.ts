import type { Logger } from 'pino'
import { rangeMilliseconds } from './candidate-lanes.ts'
import { candidatePace, rangeSize, shareOf } from './candidate-pace.ts'
import type { CandidateScoring } from './candidate-scoring.ts'
import type { KeptScores } from './kept-scores.ts'
import type { RangeBoard, RangeState } from './range-board.ts'
import type { ScoringSession } from './search-session.ts'
import {
  type Offer,
  offersOf,
  type SharedCandidate,
  type SpreadTimes,
  silenceOf,
  spreadHelpers,
  unfinished,
} from './spread-offers.ts'

const usualTimes: SpreadTimes = { look: 500, lost: 10_000, grace: 1_000, opening: 2_000 }

/** Fewest ranges that a search offers before it knows who takes them. */
const fewestOffers = 2

/** Milliseconds without offers after the board has failed. */
const pauseMilliseconds = 5_000

export type SpreadServices = { board: RangeBoard; kept: KeptScores; log: Logger; times?: SpreadTimes }

/**
 * Scores the candidates of a search in the evaluators of this process, and offers candidates to other workers while more wait than these
 * evaluators score in a second. While no worker helps, it offers only what takes them three seconds, so that short searches start nothing
 * elsewhere. Candidates that no worker has begun come back as soon as an evaluator is idle. Candidates of a worker that takes too long are
 * scored here as well, and the first score counts: both are the same.
 *
 * @param signal ends the work; it fires before the scoring is ended
 */
export function spreadCandidates(
  session: ScoringSession,
  jobId: string,
  { board, kept, log, times = usualTimes }: SpreadServices,
  signal: AbortSignal,
): CandidateScoring {
  const identityOf = (term: number) => session.terms[term]?.metric.identity
  const lanes = session.lanes<SharedCandidate>(() => {
    if (isOverloaded() || (isIdle() && offers.size > 0)) turnSoon()
  })
  const offers = new Map<string, Offer>()
  const now = () => performance.now()
  const helpers = spreadHelpers(times.lost, now)
  const pace = candidatePace(session.width, now)
  let lookedAt = 0
  let offersFrom = 0
  let hasNews = false
  let isClean = false
  let scoredElsewhere = 0

  const isIdle = () => lanes.hasIdle && lanes.waiting === 0
  const untaken = () => [...offers.values()].filter(({ isTaken }) => !isTaken)
  const mayOffer = () => untaken().length < Math.max(fewestOffers, 2 * helpers.evaluators) && now() >= offersFrom
  /** Number of candidates that own evaluators score before a worker could score any. */
  const ownShare = (seconds: number) => {
    const share = shareOf(session.width, seconds)
    return helpers.evaluators > 0 ? share : share * (1 + times.opening / rangeMilliseconds)
  }
  const isOverloaded = () => {
    const seconds = pace.seconds()
    return seconds !== undefined && lanes.waiting > ownShare(seconds) && mayOffer()
  }
  /** Scores the candidates of a range here. A range that comes back from a worker is not offered again. */
  const bringBack = (offer: Offer, staysHere: boolean) => {
    offers.delete(offer.id)
    const left = unfinished(offer)
    for (const each of left) each.staysHere = staysHere
    if (!offer.isDoubled) lanes.add(left, 'first')
  }

  const offer = async () => {
    const seconds = pace.seconds()
    if (seconds === undefined) return
    const fresh: Offer[] = []
    while (isOverloaded()) {
      const spare = lanes.waiting - ownShare(seconds)
      const withdrawn = lanes.withdraw(
        Math.min(rangeSize(seconds) * session.terms.length, spare),
        ({ staysHere }) => !staysHere,
      )
      if (withdrawn.length === 0) break
      for (const each of offersOf(withdrawn)) {
        offers.set(each.id, each)
        fresh.push(each)
      }
    }
    if (fresh.length === 0) return
    try {
      // An earlier process that ran the job may have left ranges.
      if (!isClean) await board.remove(jobId)
      isClean = true
      const ranges = fresh.map(({ id, term, candidates }) => ({
        id,
        term,
        soups: candidates.map(({ soup }) => soup),
        fingerprint: kept.fingerprint(
          candidates.map(({ subject }) => subject),
          identityOf(term),
        ),
      }))
      await board.offer(jobId, ranges)
    } catch (error) {
      for (const each of fresh) bringBack(each, false)
      throw error
    }
  }

  /** Gives the scores that workers have kept to their candidates. The other candidates are scored here. */
  const settle = async (settled: readonly Offer[]) => {
    for (const each of settled) {
      const left = unfinished(each)
      const found = await kept.find(
        left.map(({ subject }) => subject),
        identityOf(each.term),
      )
      for (const [index, score] of found.entries()) {
        if (!score) continue
        left[index]?.found(score)
        scoredElsewhere += 1
      }
      lanes.drop(new Set(each.candidates.filter(({ isDone }) => isDone)))
      bringBack(each, true)
    }
  }
  const isLost = (offer: Offer, state: RangeState) => {
    const { holder } = state
    if (silenceOf(offer, state, now()) < times.lost || !holder) return false
    log.warn({ jobId, worker: holder.id }, 'a worker that scored candidates of a search is lost')
    helpers.lost(holder)
    return true
  }
  const look = async () => {
    hasNews = false
    lookedAt = now()
    const states = new Map((await board.states(jobId)).map(state => [state.id, state]))
    const settled: Offer[] = []
    const lost: Offer[] = []
    for (const each of offers.values()) {
      const state = states.get(each.id)
      if (state?.holder) helpers.saw(state.holder)
      if (state?.isSettled) settled.push(each)
      else if (!state || isLost(each, state)) lost.push(each)
    }
    for (const each of lost) bringBack(each, true)
    await settle(settled)
    const over = [...lost, ...settled].map(({ id }) => id)
    if (over.length > 0) await board.remove(jobId, over)
  }

  /** Finds work for idle evaluators: a range that no worker has taken, or one that takes a worker too long. */
  const fillIdle = async () => {
    const [free] = untaken()
    if (free) {
      const [taken] = await board.takeBack([free.id])
      if (taken !== undefined) {
        bringBack(free, false)
        return
      }
      hasNews = true
    }
    const isOverdue = ({ takenAt = now(), candidates, isDoubled }: Offer) =>
      !isDoubled && now() - takenAt > times.grace + 1500 * candidates.length * (pace.seconds() ?? 0)
    const overdue = [...offers.values()].find(isOverdue)
    if (!overdue) return
    overdue.isDoubled = true
    const left = unfinished(overdue)
    for (const each of left) each.staysHere = true
    lanes.add(left, 'last')
  }

  const turn = async () => {
    if (offers.size > 0 && (hasNews || now() - lookedAt >= times.look)) await look()
    if (signal.aborted) return
    if (isIdle()) await fillIdle()
    else await offer()
  }
  let isDue = false
  let turning: Promise<void> | undefined
  /** Never throws. */
  const turns = async () => {
    while (isDue && !signal.aborted) {
      isDue = false
      try {
        await turn()
      } catch (error) {
        offersFrom = now() + pauseMilliseconds
        if (!signal.aborted)
          log.warn({ err: error, jobId }, 'the candidates of a search could not be offered to other workers')
      }
    }
    turning = undefined
  }
  const turnSoon = () => {
    isDue = true
    turning ??= turns()
  }
  const stopHearing = board.onSettled(jobId, () => {
    hasNews = true
    if (offers.size > 0) turnSoon()
  })
  const timer = setInterval(() => {
    if (offers.size > 0 || isOverloaded()) turnSoon()
  }, times.look)

  return {
    get helping() {
      return helpers.evaluators
    },
    score(candidate) {
      pace.begin()
      const shared: SharedCandidate = { ...candidate, isDone: false, staysHere: false }
      const once =
        <Heard>(hear: (heard: Heard) => void) =>
        (heard: Heard) => {
          if (shared.isDone) return
          shared.isDone = true
          hear(heard)
        }
      shared.failed = once(candidate.failed)
      shared.found = once(candidate.found)
      shared.scored = once(outcome => {
        pace.add(outcome.seconds)
        candidate.scored(outcome)
      })
      lanes.add([shared], 'last')
    },
    compare: lanes.compare,
    tellMistakes: lanes.tellMistakes,
    async end() {
      clearInterval(timer)
      stopHearing()
      await lanes.end()
      await turning
      for (const each of offers.values()) for (const { failed } of unfinished(each)) failed(signal.reason)
      if (!isClean) return
      log.info({ jobId, candidates: scoredElsewhere }, 'other workers scored candidates of a search')
      await board
        .remove(jobId)
        .catch((error: unknown) =>
          log.warn({ err: error, jobId }, 'the offered candidates of a search could not be removed'),
        )
    },
  }
}
