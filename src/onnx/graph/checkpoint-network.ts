import { dtypeName, dtypeOf } from '../../tensor/dtype.ts'
import type { Layout } from '../layout.ts'
import type { Leaf, Network } from './network.ts'

/** Returns the network of a checkpoint: its tensors as leaves, all floats as weights, and no operator. */
export function checkpointNetwork({ tensors }: Pick<Layout, 'tensors'>): Network {
  const leaves = tensors.map((tensor, id): Leaf => {
    return {
      kind: 'leaf',
      id,
      name: tensor.name,
      node: null,
      type: `${dtypeName(tensor.dataType)}[${tensor.dims.join(', ')}]`,
      isWeight: dtypeOf(tensor.dataType)?.float === true,
      use: null,
      tensor,
      indices: null,
      literal: null,
    }
  })
  return {
    outputs: [],
    outputNames: [],
    training: [],
    operators: [],
    leaves,
    inputs: [],
    annotated: new Map(),
    unknown: '',
    aliases: new Map(),
  }
}
