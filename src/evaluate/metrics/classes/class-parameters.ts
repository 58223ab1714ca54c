import type { Zod } from '../metric.ts'

/** Ways to read the outputs of a classifier. */
const readings = ['auto', 'logits', 'probabilities'] as const

export type OutputsFrom = (typeof readings)[number]

/** Declares how the outputs of a classifier are to be read. */
export function outputsFrom(z: Zod) {
  return z
    .enum(readings)
    .default('auto')
    .describe('Kind of the outputs; auto: probabilities if all outputs can be probabilities, otherwise logits')
}

/** Declares the ignored target class. PyTorch's cross entropy ignores -100 unless told otherwise. */
export function ignoreIndex(z: Zod) {
  return z.int32().default(-100).describe('Target class whose samples and positions do not count')
}

/** Declares the fields that every metric of classes takes. */
export function classParameters(z: Zod) {
  return {
    ignoreIndex: ignoreIndex(z),
    from: outputsFrom(z).describe(
      'Kind of the outputs. auto: class labels if they are texts, or one integer for each target; otherwise probabilities if all outputs can be probabilities; otherwise logits',
    ),
  }
}

export type ClassParameters = { ignoreIndex: number; from: OutputsFrom }
