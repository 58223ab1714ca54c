import { z } from 'zod'
import { page, pageParameters } from './common.ts'

/** Most mistakes that a search lists. */
export const maximumMistakes = 10_000

/** A class in a data set: its value in the targets. */
const label = z.union([z.number(), z.string()])

const predicted = label.nullable().describe('Class that the model predicts; null if it is none of the classes')

/** A sample that exactly one of the winner and the best single model gets right. */
export const mistake = z
  .object({
    sample: z.number().int().min(0).describe('Index of the sample in the data set, from 0'),
    outcome: z.enum(['newlyRight', 'newlyWrong']).describe('newlyRight: only the winner predicts the target'),
    target: label.describe('Class of the target'),
    winner: predicted,
    bestSingle: predicted,
  })
  .meta({ id: 'Mistake' })

export type Mistake = z.infer<typeof mistake>

export const mistakePage = page(mistake).meta({ id: 'MistakePage' })

export const mistakeParameters = z.strictObject(pageParameters)

/** The mistakes of a search in numbers. */
export const mistakeCounts = z
  .object({
    on: z.enum(['selection', 'test']).describe('Use of the data set'),
    term: z.number().int().min(0).optional().describe('Index of the term in selection; absent if selection is no list'),
    newlyRight: z.number().int().describe('Samples that only the winner gets right'),
    newlyWrong: z.number().int().describe('Samples that only the best single model gets right'),
    listed: z.number().int().describe(`Samples in the list, the first ${maximumMistakes} at most`),
  })
  .meta({ id: 'MistakeCounts' })

export type MistakeCounts = z.infer<typeof mistakeCounts>
