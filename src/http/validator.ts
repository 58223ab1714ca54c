import type { FastifySchemaCompiler } from 'fastify'
import type { z } from 'zod'
import { boundedParse, type Findings } from '../validation/bounded-parse.ts'

/** The issues that a schema finds in a part of a request. Fastify sets `validationContext` to the name of that part. */
export class InvalidPart extends Error {
  readonly findings: Findings
  validationContext: string | undefined

  constructor(findings: Findings) {
    super('A part of the request does not match its schema')
    this.name = 'InvalidPart'
    this.findings = findings
  }
}

/** Compiles zod schemas into validators of request parts, whose time is bounded for any input. */
export const validatorCompiler: FastifySchemaCompiler<z.ZodType> = ({ schema }) => {
  return (value: unknown) => {
    const parsed = boundedParse(schema, value)
    return parsed.success ? { value: parsed.data } : { error: new InvalidPart(parsed) }
  }
}
