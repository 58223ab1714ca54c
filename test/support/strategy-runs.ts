import type { Candidate, Strategy, StrategyFindings } from '../../src/search/strategy.ts'

/** Runs a strategy with scores from a function. `groups`: groups of tensors with their own weights. */
export async function runStrategy(
  strategy: Strategy,
  models: number,
  scoreOf: (candidate: Candidate) => number,
  groups = 0,
): Promise<{ asked: Candidate[]; findings: StrategyFindings; best: Candidate | undefined; bestScore: number }> {
  const asked = new Map<string, Candidate>()
  let best: Candidate | undefined
  let bestScore = Number.NEGATIVE_INFINITY
  const findings = await strategy.run({
    models,
    groups,
    anticipate: () => undefined,
    async score(candidates) {
      return candidates.map(candidate => {
        asked.set(JSON.stringify(candidate), candidate)
        const score = scoreOf(candidate)
        if (score > bestScore) {
          best = candidate
          bestScore = score
        }
        return score
      })
    },
  })
  return { asked: [...asked.values()], findings, best, bestScore }
}

/** Returns the models that a candidate averages, in order. */
export function membersOf({ weights }: Candidate): number[] {
  return weights.flatMap((weight, model) => (weight === 0 ? [] : [model]))
}

/** Returns weights divided by their sum. */
export function normalized(weights: readonly number[]): number[] {
  const sum = weights.reduce((total, weight) => total + weight, 0)
  return weights.map(weight => weight / sum)
}
