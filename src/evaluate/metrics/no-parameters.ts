import { z } from 'zod'

/** Of metrics that have no parameters. */
export const noParameters = z.strictObject({})

export type NoParameters = z.infer<typeof noParameters>
