import type { Candidate } from './strategy.ts'

/** Weights on the simplex. The first row is for all tensors outside of groups; one more row follows for each group. */
export type WeightRows = readonly (readonly number[])[]

/** Returns the candidate with these weights, and with these parameters of the method. */
export function candidateOf([weights = [], ...groups]: WeightRows, parameters?: Candidate['parameters']): Candidate {
  return { weights, ...(groups.length > 0 ? { groups } : {}), ...(parameters ? { parameters } : {}) }
}

/** Returns rows of equal weights. */
export function equalRows(models: number, groups: number): number[][] {
  return Array.from({ length: groups + 1 }, () => Array.from({ length: models }, () => 1 / models))
}
