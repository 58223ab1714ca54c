import { createHash } from 'node:crypto'
import { dtypeOf } from '../../tensor/dtype.ts'
import type { ModelFiles } from '../model-files.ts'
import { typeWithoutLeadingOnes } from './broadcast-leaf.ts'
import { isCommutative } from './commutative.ts'
import { inputLabels } from './input-labels.ts'
import { indicesDigest, leafDigest } from './leaf-values.ts'
import { matrixReshape } from './matrix-reshape.ts'
import type { Leaf, Network, Operator } from './network.ts'
import { type HashView, networkHashes, operatorLabel } from './network-hash.ts'
import { optionalBias } from './optional-bias.ts'

/** Changes whenever the same model would get another fingerprint than before; stored ones are then computed anew (migrations.ts). */
const fingerprintVersion = 3

/**
 * A stable digest of what a model computes but for its weights: operators, attributes, wiring, types and dims of tensors, and the
 * values of those that soups never average. Names, orders of inputs, outputs and operands that may stand in any order, storage, exporter
 * and texts have no part in it. Numbers that a model puts out as they stand (a version, say) have none either: files of one network differ
 * in them.
 *
 * Models that a merge takes for one network have one fingerprint. It may unite more: it does not look at biases that may be left out, at
 * leading dims of 1, at the shape of a Reshape that may be a Flatten, or at how far inputs with one label are apart.
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
 * A view under which all networks are equal that a merge takes for one: without order where operands may stand in any, without biases
 * that may be left out, with one label for all ways to make a matrix.
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

/** What a leaf is to the network: its type, where its values stand if it is sparse, and those if they are no weights. */
export function labelWithValues(leaf: Leaf, files: ModelFiles): string {
  const isFloat = leaf.tensor !== null && dtypeOf(leaf.tensor.dataType)?.float === true
  if (!leaf.isWeight && !(leaf.use?.kind === 'output' && isFloat)) return `${leaf.type} ${leafDigest(leaf, files)}`
  return `weight ${typeWithoutLeadingOnes(leaf)} ${indicesDigest(leaf, files)}`
}
