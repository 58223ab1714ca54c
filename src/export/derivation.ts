/**
 * The way in which an exporter made a weight of a graph from tensors of a checkpoint. It is plain JSON, and has keys of the checkpoint as leaves.
 *
 * - `tensor`: a tensor of the checkpoint, as it is.
 * - `cast`: the same values in another float type, each rounded once to nearest even.
 * - `reshape`: the same elements with other dims.
 * - `transpose`: axis `i` of the result is axis `axes[i]` of the source.
 * - `slice`: the places [start, end) along an axis.
 * - `gather`: the given places of the first axis, in this order.
 * - `concat`: several of one type along an axis, whose other dims agree.
 * - `affine`: scale * w + shift, in the type of the source. Both numbers are rounded, then the product, then the sum.
 * - `folded-weight`, `folded-bias`: see {@link FoldedWeight} and {@link FoldedBias}.
 */
export type Derivation =
  | { op: 'tensor'; key: string }
  | { op: 'cast'; of: Derivation; dtype: string }
  | { op: 'reshape'; of: Derivation; dims: number[] }
  | { op: 'transpose'; of: Derivation; axes: number[] }
  | { op: 'slice'; of: Derivation; axis: number; start: number; end: number }
  | { op: 'gather'; of: Derivation; indices: number[] }
  | { op: 'concat'; of: Derivation[]; axis: number }
  | { op: 'affine'; of: Derivation; scale: number; shift: number }
  | FoldedWeight
  | FoldedBias

/**
 * A weight times the factors of the batch norm behind it: w * (gamma / sqrt(variance + epsilon)). `axis`: the axis of
 * the weight with the output channels; with `groups` above 1 (a ConvTranspose), the channels of a group.
 */
export type FoldedWeight = { op: 'folded-weight'; of: Derivation; axis: number; groups: number; norm: FoldedNorm }

/** The bias of such a weight: (bias - mean) * (gamma / sqrt(variance + epsilon)) + beta. `of` is null without a bias: zeros. */
export type FoldedBias = { op: 'folded-bias'; of: Derivation | null; norm: FoldedNorm }

/** The order of steps in which an exporter folds a batch norm; see `fold-norm.ts`. */
export type FoldArithmetic = 'scale' | 'rsqrt' | 'binary64'

/**
 * A folded batch norm: keys of its tensors, and its epsilon. `gamma` and `beta` are null for a norm without them: ones
 * and zeros. `dtype`: the type of the arithmetic, which the weight and the bias have. `otherEpsilons`: further values
 * that give the same export, because its variances are large or its type is small.
 */
export type FoldedNorm = {
  gamma: string | null
  beta: string | null
  mean: string
  variance: string
  epsilon: number
  otherEpsilons: number[]
  dtype: string
  arithmetic: FoldArithmetic
}

/** Returns the keys of the checkpoint that a derivation reads, each once. */
export function keysOf(derivation: Derivation): Set<string> {
  const keys = new Set<string>()
  const pending: Derivation[] = [derivation]
  for (let next = pending.pop(); next; next = pending.pop()) {
    if (next.op === 'tensor') keys.add(next.key)
    else if (next.op === 'concat') pending.push(...next.of)
    else if (next.of) pending.push(next.of)
    if (next.op === 'folded-weight' || next.op === 'folded-bias') {
      const { gamma, beta, mean, variance } = next.norm
      const used = next.op === 'folded-bias' ? [gamma, beta, mean, variance] : [gamma, variance]
      for (const key of used) if (key !== null) keys.add(key)
    }
  }
  return keys
}
