import type { ModelFiles } from '../external-data.ts'
import type { Network } from './network.ts'

/** A network with the files that hold its tensors. */
export type NetworkFiles = ModelFiles & { network: Network }
