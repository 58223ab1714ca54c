import type { CandidateSoup } from '../../merge/candidate-plan.ts'
import type { Scored } from '../../search/scored-candidate.ts'
import { gathered } from '../gathered.ts'
import type { KeptScores } from '../kept-scores.ts'
import type { ResolvedSearch } from '../resolve-search.ts'
import type { SearchClock } from '../search-clock.ts'
import type { ExternalTerms } from '../search-scorer.ts'
import { soupOrigin } from '../search-soups.ts'
import type { ExternalScoring } from '../search-term.ts'
import type { Split } from './candidate-ledger.ts'
import { type OutsideScore, outsideKey } from './outside-scores.ts'
import { watchQuiet } from './quiet-watch.ts'
import type { SearchPhase, SettledCandidate, WantedCandidate } from './search-books.ts'

/** The candidates whose scores a search lacks to go on. */
export type Lacking = { wanted: WantedCandidate[]; phase: SearchPhase }

/** A score from outside. `score`: null with the reason in `failure`. */
export type FoundOutsideScore = {
  score: OutsideScore | null
  failure: string | undefined
  seconds: number
  cached: boolean
}

/** The scores from outside in one start of a search: those that are there, and those that it lacks. */
export type OutsideRun = ExternalTerms & {
  /** Resolves when the search can do nothing any more without further scores. */
  lacking: Promise<Lacking>
  /** Fires when the budget of seconds is spent and nothing can go on: the search then ends its choice with the scores so far. */
  deadline: AbortSignal
  /** Hears that the search cannot go on without an anticipated soup any more. */
  needs(soup: CandidateSoup): void
  /** Ends the choice of candidates: scores of the split `selection` are lacked no more. */
  endChoice(): void
  /** Returns the score of a soup on test, once it is there. */
  onTest(scoring: ExternalScoring, soup: CandidateSoup): Promise<FoundOutsideScore>
}

export type OutsideServices = {
  search: ResolvedSearch
  kept: KeptScores
  jobId: string
  /** Candidates of this search that are settled, by the key of their scores. */
  settled: ReadonlyMap<string, SettledCandidate>
  clock: Pick<SearchClock, 'secondsLeft'>
}

/** A candidate that is waited for. `isOver`: the budget was spent before it had a score, and nobody is asked for it any more. */
type Pending = WantedCandidate & {
  isOver: boolean
  resolvers: PromiseWithResolvers<FoundOutsideScore>[]
}

/**
 * Opens the scores from outside for one start of a search.
 * @param signal fires when the start ends; waits for scores then reject with its reason
 */
export function openOutsideRun(
  { search, kept, jobId, settled, clock }: OutsideServices,
  signal: AbortSignal,
): OutsideRun {
  const pending = new Map<string, Pending>()
  const deadline = new AbortController()
  const lacking = Promise.withResolvers<Lacking>()
  let isChosen = false
  let hasComputed = false

  const isSpent = () => clock.secondsLeft() <= 0 || [...pending.values()].some(({ isOver }) => isOver)
  const endBudget = () => {
    if (!deadline.signal.aborted) deadline.abort()
    watch.look()
  }
  const onQuiet = () => {
    if (pending.size === 0 || signal.aborted) return
    if (!isChosen && isSpent() && !deadline.signal.aborted) return endBudget()
    const wanted = [...pending.values()].filter(({ isOver }) => !isOver)
    const phase = isChosen ? 'chosen' : deadline.signal.aborted ? 'overdue' : 'choice'
    lacking.resolve({ wanted: wanted.map(({ isOver: _, resolvers: __, ...each }) => each), phase })
  }
  const watch = watchQuiet(onQuiet)
  const left = clock.secondsLeft()
  const timer = Number.isFinite(left) && left > 0 ? setTimeout(() => onTime(), Math.ceil(left * 1000)) : undefined
  timer?.unref()
  /** Own work would go on beyond the budget. Without it, the search first takes the scores that are there. */
  const onTime = () => {
    if (hasComputed && watch.running > 0 && !isChosen) endBudget()
  }
  /** Nobody waits for these scores any more. */
  const giveUp = (keys: Iterable<string>, reason: unknown) => {
    for (const key of keys) {
      for (const { reject } of pending.get(key)?.resolvers ?? []) reject(reason)
      pending.delete(key)
    }
  }
  signal.addEventListener('abort', () => {
    clearTimeout(timer)
    giveUp([...pending.keys()], signal.reason)
  })

  const findKept = gathered((keys: readonly string[]) => kept.outside(keys))
  const find = async (key: string, { reuse }: ExternalScoring): Promise<FoundOutsideScore | 'over' | undefined> => {
    const own = settled.get(key)
    if (own?.kind === 'scored') return { score: own.score, failure: undefined, seconds: own.seconds, cached: false }
    if (own?.kind === 'failed') return { score: null, failure: own.error, seconds: 0, cached: false }
    const found = reuse ? await findKept(key) : undefined
    if (found) return { score: found.score, failure: undefined, seconds: 0, cached: found.jobId !== jobId }
    return own && 'over'
  }
  const waitFor = (wanted: Omit<Pending, 'resolvers'>): Promise<FoundOutsideScore> => {
    const resolvers = Promise.withResolvers<FoundOutsideScore>()
    // Whoever awaits it gets the error.
    resolvers.promise.catch(() => undefined)
    if (signal.aborted) resolvers.reject(signal.reason)
    const known = pending.get(wanted.key)
    if (known) {
      known.isRequired ||= wanted.isRequired
      known.resolvers.push(resolvers)
    } else pending.set(wanted.key, { ...wanted, resolvers: [resolvers] })
    watch.look()
    return resolvers.promise
  }
  const ask = async (
    scoring: ExternalScoring,
    soup: CandidateSoup,
    split: Split,
    isRequired: () => boolean,
  ): Promise<FoundOutsideScore> => {
    const model = soupOrigin(soup, search)
    const { scorer } = scoring
    const key = outsideKey(model, scorer, split)
    const found = await watch.track(find(key, scoring))
    if (found && found !== 'over') return found
    return waitFor({ key, model, soup, split, scorer, isRequired: isRequired(), isOver: found === 'over' })
  }

  /** Soups that were anticipated, as texts, until the search needs them. */
  const anticipated = new Set<string>()
  return {
    lacking: lacking.promise,
    deadline: deadline.signal,
    width: Number.POSITIVE_INFINITY,
    track: watch.track,
    computing() {
      hasComputed = true
      if (!isChosen && clock.secondsLeft() <= 0) endBudget()
    },
    async score(term, soup, isAnticipated): Promise<Scored> {
      const scoring = search.terms[term]?.selection
      if (scoring?.kind !== 'external') throw new RangeError(`the term ${term} of the search has no scorer outside`)
      const text = JSON.stringify(soup)
      if (isAnticipated) anticipated.add(text)
      const { score, failure, seconds, cached } = await ask(scoring, soup, 'selection', () => !anticipated.has(text))
      return { value: score?.score ?? null, seconds, cached, failure }
    },
    needs(soup) {
      const text = JSON.stringify(soup)
      anticipated.delete(text)
      for (const each of pending.values()) if (JSON.stringify(each.soup) === text) each.isRequired = true
    },
    endChoice() {
      isChosen = true
      const selection = [...pending].flatMap(([key, { split }]) => (split === 'selection' ? [key] : []))
      giveUp(selection, new Error('the choice of candidates is over'))
    },
    onTest: (scoring, soup) => ask(scoring, soup, 'test', () => true),
  }
}
