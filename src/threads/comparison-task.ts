import type { ComparisonResult } from '../../schemas/comparison.ts'
import { comparePair, type TensorComparison } from '../merge/compare-pair.ts'
import { comparisonWarnings } from '../merge/comparison-warnings.ts'
import { networkOf } from '../merge/match-inputs.ts'
import { type PairWarning, sentencesOf } from '../merge/pair-warnings.ts'
import type { TensorRule } from '../merge/tensor-rule.ts'
import { cosineOf, relativeDistanceOf } from '../tensor/pair-sums.ts'
import { closeInputs, type MergeFile, openInputs } from './open-inputs.ts'
import type { WorkControl } from './work-control.ts'

/**
 * The largest number of tensors in a result, over all pairs: the result is stored with its job, and read as a whole.
 */
const listedTensors = 20_000

/**
 * Compares every pair of some models, with the first of a pair as the base. `rules`: rules of a merge to try. Progress
 * is in bytes of weights.
 */
export function compareFiles(
  files: readonly MergeFile[],
  rules: readonly TensorRule[],
  control: WorkControl,
): ComparisonResult {
  const inputs = openInputs(files)
  try {
    const pairs = inputs.flatMap((a, index) => inputs.slice(index + 1).map(b => [a, b] as const))
    const total = pairs.length * 2 * Math.max(...inputs.map(({ source, data }) => sizeOf([source, ...data.values()])))
    const listed = Math.max(1, Math.floor(listedTensors / pairs.length))
    const warnings: PairWarning[] = []
    control.begin(total)
    const compared = pairs.map(([a, b]) => {
      const comparison = comparePair(a, b, control.advance, rules)
      const own = [
        ...comparison.warnings.map(({ kind, message }) => ({ kind, message: `${b.label} ${message}` })),
        ...comparisonWarnings(comparison, networkOf(a), a.layout),
        ...comparison.rules.warnings.map(message => ({ kind: message, message })),
      ]
      for (const warning of own) warnings.push({ ...warning, pair: `${a.label} and ${b.label}` })
      const tensors = mostDifferent(comparison.tensors, listed)
      return {
        a: a.label,
        b: b.label,
        compatible: comparison.reasons.length === 0,
        reasons: comparison.reasons,
        cosine: comparison.all && cosineOf(comparison.all),
        relativeDistance: comparison.all && relativeDistanceOf(comparison.all),
        totals: {
          tensors: comparison.tensors.length,
          identical: comparison.tensors.filter(({ identical }) => identical).length,
          averaged: comparison.tensors.filter(({ averaged }) => averaged).length,
          nonFinite: comparison.all?.nonFinite ?? { a: 0, b: 0 },
        },
        ...(rules.length > 0 ? { rules: comparison.rules.reports } : {}),
        warnings: own.map(({ message }) => message),
        tensors: tensors.map(({ isWeight: _, ...tensor }) => tensor),
        omitted: comparison.tensors.length - tensors.length,
      }
    })
    return { pairs: compared, warnings: sentencesOf(warnings, pairs.length) }
  } finally {
    closeInputs(inputs)
  }
}

/** Returns all tensors in order if they fit, otherwise those that differ most. */
function mostDifferent(tensors: readonly TensorComparison[], room: number): TensorComparison[] {
  if (tensors.length <= room) return [...tensors]
  const distance = ({ identical, relativeDistance }: TensorComparison) =>
    identical ? -1 : (relativeDistance ?? Number.POSITIVE_INFINITY)
  const chosen = new Set(tensors.toSorted((a, b) => distance(b) - distance(a)).slice(0, room))
  return tensors.filter(tensor => chosen.has(tensor))
}

function sizeOf(sources: readonly { byteLength: number }[]): number {
  return sources.reduce((sum, { byteLength }) => sum + byteLength, 0)
}
