import type { ReceivedData } from '../models/model-uploads.ts'

/**
 * A model of a one-shot soup. `files`: its own file, then its external data; `label`: its name in errors. `field`: `model` for averaged
 * models, `base`, or `fisher` for the Fisher information of the models, in their order.
 */
export type SoupModel = { field: string; label: string; files: readonly [ReceivedData, ...ReceivedData[]] }
