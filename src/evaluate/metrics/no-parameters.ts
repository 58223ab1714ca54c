import type { Zod } from './metric.ts'

/** Declares the parameters of a metric that has none. */
export const noParameters = (z: Zod) => z.strictObject({})

export type NoParameters = Record<string, never>
