import type { CandidateSoup } from '../merge/candidate-plan.ts'
import type { Candidate } from './strategy.ts'

/**
 * The soup that a candidate stands for, without the models that have no weight anywhere.
 * @param groups globs on tensor names, in the order of the candidate's groups
 */
export function candidateSoup(candidate: Candidate, groups: readonly string[]): CandidateSoup {
  const rows = [candidate.weights, ...(candidate.groups ?? [])]
  const members = candidate.weights.flatMap((_, model) => (rows.some(row => (row[model] ?? 0) !== 0) ? [model] : []))
  const ofMembers = (row: readonly number[]) => members.map(model => row[model] ?? 0)
  return {
    members,
    weights: ofMembers(candidate.weights),
    rules: (candidate.groups ?? []).map((row, group) => ({ match: groups[group] ?? '', weights: ofMembers(row) })),
  }
}

/** Whether a soup is one model by itself, and with it that model's own file. */
export function isSingle({ members }: CandidateSoup): boolean {
  return members.length === 1
}
