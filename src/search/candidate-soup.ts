import type { CandidateSoup } from '../merge/candidate-plan.ts'
import type { Candidate } from './strategy.ts'

/**
 * The soup that a candidate stands for, without the models that have no weight anywhere.
 * @param groups globs on tensor names, in the order of the candidate's groups
 * @param fewest how many models the method merges at least: fewer are one model by itself, and no parameter matters
 */
export function candidateSoup(candidate: Candidate, groups: readonly string[], fewest = 1): CandidateSoup {
  const rows = [candidate.weights, ...(candidate.groups ?? [])]
  const members = candidate.weights.flatMap((_, model) => (rows.some(row => (row[model] ?? 0) !== 0) ? [model] : []))
  const ofMembers = (row: readonly number[]) => members.map(model => row[model] ?? 0)
  return {
    members,
    weights: ofMembers(candidate.weights),
    rules: (candidate.groups ?? []).map((row, group) => ({ match: groups[group] ?? '', weights: ofMembers(row) })),
    ...(candidate.parameters && members.length >= fewest ? { parameters: candidate.parameters } : {}),
  }
}

/** Whether a soup is one model by itself, and with it that model's own file. */
export function isSingle({ members, parameters }: CandidateSoup): boolean {
  return members.length === 1 && parameters === undefined
}
