import { z } from 'zod'

/** One cause of an error: its message, and fields that name its subject. */
export const problemCause = z
  .object({
    message: z.string().describe('Finding and expectation, in words'),
    field: z.string().optional().describe('Path of the field, or name of the parameter, header, form part or setting'),
    model: z.string().optional().describe('Id, name or file name of the model'),
    dataset: z.string().optional().describe('Id or name of the data set'),
    export: z.string().optional().describe('Id of the export'),
    job: z.string().optional().describe('Id of the job'),
    location: z
      .string()
      .optional()
      .describe('Name of a file: external data as the model names it, or a file of a data set'),
    tensor: z.string().optional().describe('Name of the tensor, or of the array of a data set'),
    node: z.string().optional().describe('Name of the node'),
    expected: z
      .string()
      .optional()
      .describe("Allowed value, or the base's: a limit with its unit, a list of names, elements of a tensor"),
    actual: z.string().optional().describe('The value that was found instead'),
  })
  .meta({ id: 'ProblemCause' })

/** An error, as application/problem+json (RFC 9457). */
export const problem = z
  .object({
    type: z.string().describe('Path of the page that explains the code'),
    title: z.string(),
    status: z.number().int(),
    detail: z.string().describe('Finding, expectation and remedy, in words'),
    code: z.string().describe('Stable name of the error, starts with TUREEN_'),
    requestId: z.string().optional(),
    errors: z.array(problemCause).describe('Every cause, with the names and values of its message as fields'),
  })
  .meta({ id: 'Problem' })

export type ProblemDocument = z.infer<typeof problem>
export type ProblemCause = z.infer<typeof problemCause>
