import type { Candidate } from './strategy.ts'

/** Weights on the simplex, the first row those of all tensors that are in no group, and one row for each group. */
export type WeightRows = readonly (readonly number[])[]

/** The soup of these weights, by a method with these parameters. */
export function candidateOf([weights = [], ...groups]: WeightRows, parameters?: Candidate['parameters']): Candidate {
  return { weights, ...(groups.length > 0 ? { groups } : {}), ...(parameters ? { parameters } : {}) }
}

/** Equal weights in every row. */
export function equalRows(models: number, groups: number): number[][] {
  return Array.from({ length: groups + 1 }, () => Array.from({ length: models }, () => 1 / models))
}
