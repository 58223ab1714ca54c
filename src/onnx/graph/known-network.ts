import type { ModelFiles } from '../external-data.ts'
import type { Layout } from '../layout.ts'
import type { ModelProto } from '../onnx-proto.ts'
import { decodeSkeleton } from '../skeleton.ts'
import { buildNetwork } from './build-network.ts'
import { checkpointNetwork } from './checkpoint-network.ts'
import type { Network } from './network.ts'

const networks = new WeakMap<Layout, Network>()

/**
 * Returns the network of an indexed model, built once for each layout.
 * @param decode returns the model's decoded skeleton; called only if the network is not built yet
 * @throws TureenError as {@link buildNetwork} and {@link decodeSkeleton} do
 */
export function knownNetwork(
  { layout, source }: Pick<ModelFiles, 'source'> & { layout: Layout },
  decode: () => ModelProto = () => decodeSkeleton(layout),
): Network {
  const known = networks.get(layout)
  if (known) return known
  const network = layout.checkpoint ? checkpointNetwork(layout) : buildNetwork(layout, decode(), source)
  networks.set(layout, network)
  return network
}
