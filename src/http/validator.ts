import type { FastifySchemaCompiler } from 'fastify'
import type { z } from 'zod'
import { boundedParse, type Findings } from '../validation/bounded-parse.ts'

/** What a schema finds wrong with a part of a request. Fastify adds which part, as `validationContext`. */
export class InvalidPart extends Error {
  readonly findings: Findings
  validationContext: string | undefined

  constructor(findings: Findings) {
    super('A part of the request is not as its schema says')
    this.name = 'InvalidPart'
    this.findings = findings
  }
}

/** Validates the parts of requests by their zod schemas, in bounded time whatever the client has sent. */
export const validatorCompiler: FastifySchemaCompiler<z.ZodType> = ({ schema }) => {
  return (value: unknown) => {
    const parsed = boundedParse(schema, value)
    return parsed.success ? { value: parsed.data } : { error: new InvalidPart(parsed) }
  }
}
