import { firstOf } from '../first-of.ts'
import type { DerivedWeight } from './correspondence.ts'
import type { Derivation, FoldedNorm } from './derivation.ts'

/** The largest number of weights that a warning names. */
const named = 3

/**
 * Returns a warning for folded weights whose values fit several epsilons, and one for those that no order of an exporter's steps gives bit for
 * bit. In both cases, the models of other checkpoints may differ from their own exports.
 */
export function foldWarnings(weights: readonly Pick<DerivedWeight, 'tensor' | 'derivation'>[]): string[] {
  const folded = weights.flatMap(({ tensor, derivation }) => normsOf(derivation).map(norm => ({ tensor, norm })))
  const uncertain = folded.filter(({ norm }) => norm.otherEpsilons.length > 0)
  const inexact = folded.filter(({ norm }) => norm.arithmetic === 'binary64')
  const epsilonsOf = ({ tensor, norm }: (typeof folded)[number]) =>
    `${tensor} (${norm.epsilon} taken, also ${norm.otherEpsilons.join(', ')})`
  return [
    ...(uncertain.length > 0
      ? [
          `Several epsilons of batch norms give these weights: ${firstOf(uncertain.map(epsilonsOf), named)}. Where variances are smaller, models of other checkpoints may differ from their exports.`,
        ]
      : []),
    ...(inexact.length > 0
      ? [
          `No order of steps folds batch norms into these weights bit for bit: ${firstOf(
            inexact.map(({ tensor }) => tensor),
            named,
          )}. They are computed in binary64, and may differ from an export in their last bits.`,
        ]
      : []),
  ]
}

/** Returns the batch norms that a derivation folds in, at any step. */
function normsOf(derivation: Derivation): FoldedNorm[] {
  if (derivation.op === 'folded-weight' || derivation.op === 'folded-bias') return [derivation.norm]
  if (derivation.op === 'tensor') return []
  return [derivation.of].flat().flatMap(normsOf)
}
