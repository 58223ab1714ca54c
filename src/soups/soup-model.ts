import type { ReceivedData } from '../models/model-store.ts'

/**
 * A model that was sent along: the files it was received into, its own first, and what the client calls it. `field`: `model` for
 * those that are averaged, `base`, or `fisher` for the Fisher information of the models, in their order.
 */
export type SoupModel = { field: string; label: string; files: readonly [ReceivedData, ...ReceivedData[]] }
