import { z } from 'zod'

/** How the outputs of a classifier are to be read. */
export const outputsFrom = z
  .enum(['auto', 'logits', 'probabilities'])
  .default('auto')
  .describe('What the outputs are; auto: probabilities if all of them can be, else logits')

export type OutputsFrom = z.infer<typeof outputsFrom>

/** -100 is what PyTorch's cross entropy ignores unless told otherwise. */
export const ignoreIndex = z.int32().default(-100).describe('Samples and positions with this target class do not count')

/** What every metric of classes takes. */
export const classParameters = {
  ignoreIndex,
  from: outputsFrom.describe(
    'What the outputs are; auto: class labels if they are texts, or integers of which there is one for each target; else probabilities if all of them can be; else logits',
  ),
}

export type ClassParameters = { ignoreIndex: number; from: OutputsFrom }
