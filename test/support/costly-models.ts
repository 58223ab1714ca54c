import { costlyNodes } from './costly/nodes.ts'
import { costlyTensors } from './costly/tensors.ts'

/** Valid models that are small and have many of one thing. Attacks and tests of cost use them: costs must grow as the files do. */
export const costlyModels = { ...costlyNodes, ...costlyTensors }

export type CostlyModel = keyof typeof costlyModels
