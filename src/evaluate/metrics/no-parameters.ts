import type { Zod } from '../../validation/zod-argument.ts'

/** Declares the parameters of a metric that has none. */
export const noParameters = (z: Zod) => z.strictObject({})

export type NoParameters = Record<string, never>
