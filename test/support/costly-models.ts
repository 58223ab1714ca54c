import { costlyNodes } from './costly/nodes.ts'
import { costlyTensors } from './costly/tensors.ts'

/** Small valid models that have many of one thing. Attacks and tests of cost use them: costs must grow only as the files do. */
export const costlyModels = { ...costlyNodes, ...costlyTensors }

export type CostlyModel = keyof typeof costlyModels
