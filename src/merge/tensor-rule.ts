import type { WeightValue } from './gradient.ts'

/** Other settings for the tensors whose names match. Absent settings are those of all other tensors. */
export type TensorRule = {
  match: string
  /** One for each averaged model, in recipe order. */
  weights?: readonly WeightValue[] | undefined
  parameters?: Readonly<Record<string, unknown>> | undefined
  /** True to keep the base's tensors. */
  skip?: boolean | undefined
}
