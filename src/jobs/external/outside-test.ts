import type { ThreadPool } from '../../threads/thread-pool.ts'
import type { ExternalScoring } from '../search-term.ts'
import { bootstrap, type ComparedSoups, type TermTest } from '../test-term.ts'
import type { FoundOutsideScore, OutsideRun } from './outside-run.ts'

type Services = {
  run: Pick<OutsideRun, 'onTest' | 'track'>
  threads: Pick<ThreadPool, 'bootstrap'>
  signal: AbortSignal
}

/**
 * Returns the function that scores soups on test by a scorer outside of the server. The difference of two soups has an interval if the scorer
 * sent a score for each sample of both.
 */
export function outsideTests({ run, threads, signal }: Services) {
  return async (scoring: ExternalScoring, { soups, pair, gains }: ComparedSoups): Promise<TermTest> => {
    const distinct = new Map(soups.map(soup => [JSON.stringify(soup), soup]))
    const found = new Map<string, FoundOutsideScore>()
    await Promise.all(
      [...distinct].map(async ([key, soup]) => {
        found.set(key, await run.onTest(scoring, soup))
      }),
    )
    const foundOf = (soup: ComparedSoups['pair'][number]) => found.get(JSON.stringify(soup))
    const [a, b] = pair.map(soup => foundOf(soup)?.score?.sampleScores)
    const samples = a && a.length === b?.length ? a.length : null
    const single = gains ? foundOf(gains.single)?.score?.sampleScores : undefined
    const best = foundOf(pair[1])?.score?.score
    const asked =
      gains && single && single.length === samples ? { single, isRelative: best !== 0, seed: gains.seed } : null
    const compared =
      a && b && samples !== null
        ? await run.track(threads.bootstrap({ a, b, gains: asked, ...bootstrap }, signal))
        : null
    return {
      scoreOf: soup => foundOf(soup)?.score?.score ?? null,
      noteOf(soup) {
        const failure = foundOf(soup)?.failure
        return failure === undefined ? undefined : `the scorer gave no score: ${failure}`
      },
      direction: scoring.direction,
      interval: compared?.interval ?? null,
      samples,
      ignored: 0,
      leftOut: compared?.leftOut ?? 0,
      gains: compared?.gains ?? null,
    }
  }
}
