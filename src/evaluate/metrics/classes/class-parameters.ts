import type { Zod } from '../../../validation/zod-argument.ts'
import type { Label } from './label.ts'

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

/** Most classes that a request may name: as many as a set may have different labels. */
const mostClasses = 65_536

/** The ignored target of classes: PyTorch's cross entropy ignores -100 unless told otherwise. */
export const ignoredClass = -100

/** Declares the targets that do not count, and the values of the classes. @param standard the target that is ignored by default */
export function targetParameters(z: Zod, standard: number) {
  return {
    ignoreIndex: z
      .int32()
      .nullable()
      .optional()
      .meta({ default: standard })
      .describe(
        `Value of the targets that do not count; null: every target counts. Left out: ${standard}, and the server refuses a set if most targets, or all but one class, are ignored`,
      ),
    classes: z
      .array(z.union([z.int(), z.string().max(1000)]))
      .min(2)
      .max(mostClasses)
      .refine(list => new Set(list.map(each => typeof each)).size === 1, 'must be all integers or all texts')
      .refine(list => new Set(list).size === list.length, 'must name each value once')
      .optional()
      .describe(
        'Values of the targets that stand for the classes, in the order of the class indices, such as [0, 255] or ["cat", "dog"]; left out: class indices',
      ),
  }
}

export type TargetParameters = {
  ignoreIndex?: number | null | undefined
  classes?: readonly Label[] | undefined
}

/** Declares the fields that every metric of classes takes. */
export function classParameters(z: Zod) {
  return {
    ...targetParameters(z, ignoredClass),
    from: outputsFrom(z).describe(
      'Kind of the outputs. auto: class labels if they are texts, or one integer for each target; otherwise probabilities if all outputs can be probabilities; otherwise logits',
    ),
  }
}

export type ClassParameters = TargetParameters & { from: OutputsFrom }
