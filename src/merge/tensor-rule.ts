import type { WeightValue } from './gradient.ts'

/** Other settings for the tensors whose names match; what is left out is as for all others. */
export type TensorRule = {
  match: string
  /** One for each averaged model, in recipe order. */
  weights?: readonly WeightValue[] | undefined
  parameters?: Readonly<Record<string, unknown>> | undefined
  /** Whether such tensors stay as the base has them. */
  skip?: boolean | undefined
}
