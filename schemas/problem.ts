import { z } from 'zod'

/** An error, as application/problem+json (RFC 9457). */
export const problem = z
  .object({
    type: z.string().describe('Path of the page that explains the code'),
    title: z.string(),
    status: z.number().int(),
    detail: z.string().describe('Finding, expectation and remedy, in words'),
    code: z.string().describe('Stable name of the error, starts with TUREEN_'),
    requestId: z.string().optional(),
    errors: z.array(
      z.object({
        model: z.string().optional(),
        tensor: z.string().optional(),
        node: z.string().optional(),
        field: z.string().optional(),
        expected: z.string().optional().describe("The base's value: some elements of a tensor, such as [2, 2, ...]"),
        actual: z.string().optional().describe('The value that was found instead'),
        message: z.string(),
      }),
    ),
  })
  .meta({ id: 'Problem' })

export type ProblemDocument = z.infer<typeof problem>
