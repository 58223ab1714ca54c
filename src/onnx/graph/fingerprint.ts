import { createHash } from 'node:crypto'
import { dtypeOf } from '../../tensor/dtype.ts'
import type { ModelFiles } from '../external-data.ts'
import { typeWithoutLeadingOnes } from './broadcast-leaf.ts'
import { isCommutative } from './commutative.ts'
import { inputLabels } from './input-labels.ts'
import { indicesDigest, leafDigest } from './leaf-values.ts'
import { matrixReshape } from './matrix-reshape.ts'
import type { Leaf, Network, Operator } from './network.ts'
import { type HashView, networkHashes, operatorLabel } from './network-hash.ts'
import { optionalBias } from './optional-bias.ts'

/** Changes when a model's fingerprint would change; stored fingerprints are then computed again (src/storage/migrations). */
const fingerprintVersion = 3

/**
 * Returns a stable digest of a model's computation without its weights: operators, attributes, wiring, types and dims
 * of tensors, and the values of tensors that are never averaged. The digest ignores:
 * - names, storage, exporter and texts;
 * - the order of inputs, of outputs, and of operands that may have any order;
 * - numbers that a model outputs unchanged (a version, say).
 *
 * Models that a merge accepts as one network have one fingerprint. Models that it refuses may share one too. The
 * fingerprint also ignores optional biases, leading dims of 1, the shape of a Reshape that may be a Flatten, and the
 * structure beyond an input's label.
 *
 * @throws TureenError if a tensor that takes part cannot be read: `TUREEN_MODEL_INCOMPLETE`, `TUREEN_MODEL_MALFORMED`
 */
export function fingerprintOf(network: Network, files: ModelFiles): string {
  const view = unorderedView(files, leaf => labelWithValues(leaf, files))
  const { of } = networkHashes(network, { ...view, input: inputLabels(network, view) })
  const training = network.training.length === 0 ? [] : [network.training.map(of)]
  const whole = JSON.stringify([fingerprintVersion, network.unknown, network.outputs.map(of).sort(), ...training])
  return `sha256:${createHash('sha256').update(whole).digest('hex')}`
}

/**
 * Returns a view in which all networks are equal that a merge accepts as one. It ignores the order of operands that may
 * have any order, and optional biases. All ways to make a matrix have one label.
 */
export function unorderedView(files: ModelFiles, leaf: HashView['leaf']): HashView {
  const flattens = (operator: Operator) => matrixReshape(operator, files) !== undefined
  return {
    leaf,
    operator: operator => (flattens(operator) ? 'matrix' : operatorLabel(operator)),
    operands(operator) {
      if (flattens(operator)) return operator.operands.slice(0, 1)
      const bias = optionalBias(operator)
      return bias?.value?.kind === 'leaf' ? operator.operands.filter(operand => operand !== bias) : operator.operands
    },
    order: (operator, operands) => (isCommutative(operator) ? [...operands].sort() : operands),
  }
}

/** Returns a leaf's label: its type, the indices of a sparse leaf, and the values of a leaf that is not a weight. */
export function labelWithValues(leaf: Leaf, files: ModelFiles): string {
  const isFloat = leaf.tensor !== null && dtypeOf(leaf.tensor.dataType)?.float === true
  if (!leaf.isWeight && !(leaf.use?.kind === 'output' && isFloat)) return `${leaf.type} ${leafDigest(leaf, files)}`
  return `weight ${typeWithoutLeadingOnes(leaf)} ${indicesDigest(leaf, files)}`
}
