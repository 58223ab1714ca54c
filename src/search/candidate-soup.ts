import type { CandidateSoup } from '../merge/candidate-plan.ts'
import type { Candidate } from './strategy.ts'

/**
 * Returns the soup of a candidate, without the models whose weights are all 0.
 * @param groups globs on tensor names, in the order of the candidate's groups
 * @param fewest the fewest models that the method merges. A soup of fewer models is one model, and has no parameters.
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

/** The soup that stands for the base of a search: it has no model of the search. */
export const baseSoup: CandidateSoup = { members: [], weights: [], rules: [] }

/** True if a soup stands for the base of a search. */
export function isBase({ members }: CandidateSoup): boolean {
  return members.length === 0
}

/** True if a soup is one model by itself, so that its bytes are that model's file. */
export function isSingle({ members, parameters }: CandidateSoup): boolean {
  return members.length === 1 && parameters === undefined
}
