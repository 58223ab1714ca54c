import { createHash } from 'node:crypto'
import { dtypeOf } from '../../tensor/dtype.ts'
import type { ModelFiles } from '../model-files.ts'
import { indicesDigest, leafDigest } from './leaf-values.ts'
import type { Leaf, Network } from './network.ts'
import { networkHashes, operatorLabel } from './network-hash.ts'

/** Changes whenever the same model would get another fingerprint than before. */
const fingerprintVersion = 2

/**
 * A stable digest of what a model computes but for its weights: operators, attributes, wiring, types and dims of tensors, and the
 * values of those that soups never average. Names, order, storage, exporter and texts have no part in it. Numbers that a model puts
 * out as they stand (a version, say) have none either: files of one network differ in them.
 *
 * @throws TureenError if a tensor that takes part cannot be read: `TUREEN_MODEL_INCOMPLETE`, `TUREEN_MODEL_MALFORMED`
 */
export function fingerprintOf(network: Network, files: ModelFiles): string {
  const { of } = networkHashes(network, { leaf: leaf => labelWithValues(leaf, files), operator: operatorLabel })
  const training = network.training.length === 0 ? [] : [network.training.map(of)]
  const whole = JSON.stringify([fingerprintVersion, network.unknown, network.outputs.map(of), ...training])
  return `sha256:${createHash('sha256').update(whole).digest('hex')}`
}

/** What a leaf is to the network: its type, where its values stand if it is sparse, and those if they are no weights. */
export function labelWithValues(leaf: Leaf, files: ModelFiles): string {
  const isFloat = leaf.tensor !== null && dtypeOf(leaf.tensor.dataType)?.float === true
  if (!leaf.isWeight && !(leaf.use?.kind === 'output' && isFloat)) return `${leaf.type} ${leafDigest(leaf, files)}`
  return `weight ${leaf.type} ${indicesDigest(leaf, files)}`
}
