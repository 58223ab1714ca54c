import type { Candidate } from './strategy.ts'

/** Weights on the simplex, the first row those of all tensors that are in no group, and one row for each group. */
export type WeightRows = readonly (readonly number[])[]

/** The soup of these weights. */
export function candidateOf([weights = [], ...groups]: WeightRows): Candidate {
  return groups.length > 0 ? { weights, groups } : { weights }
}

/** Equal weights in every row. */
export function equalRows(models: number, groups: number): number[][] {
  return Array.from({ length: groups + 1 }, () => Array.from({ length: models }, () => 1 / models))
}
