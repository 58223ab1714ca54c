import { Ajv2020 } from 'ajv/dist/2020.js'
import { pathsWithInlineParts } from '../../docs/generator/inline-parts.ts'
import { causelessCodes, errorCatalogue } from '../../src/error-catalogue.ts'
import { asSchema, type Schema } from './random-value.ts'

export type Operation = {
  method: string
  path: string
  parameters: { name: string; in: string; required: boolean; schema: Schema }[]
  bodyTypes: string[]
  jsonBody: unknown
  responses: Record<string, unknown>
}

/** What /openapi.json says, ready to make requests by and to hold answers to. */
export type ApiDocument = {
  operations: Operation[]
  resolve(reference: string): Schema
  /**
   * @param asksForOutcome true if the request has `fail=http`, so that the error of a job may be the answer
   * @returns what is wrong with an answer; undefined if it is one that the document describes
   */
  objection(
    operation: Operation,
    status: number,
    contentType: string | null,
    body: string,
    asksForOutcome: boolean,
  ): string | undefined
}

const pointerTo = (steps: readonly string[]) =>
  steps.map(step => encodeURIComponent(step.replaceAll('~', '~0').replaceAll('/', '~1'))).join('/')

type Media = Record<string, { schema?: unknown }>

/** Says in a range of statuses that jobs also fail with the codes of the routes that start them. */
const anyRefusal = /or a code that refuses the request to start the job$/

/** What is wrong with a problem: a code that its answer does not declare, or a cause that names nothing in a field. */
function problemObjection(descriptions: readonly string[], problem: unknown): string | undefined {
  const { code, errors } = asSchema(problem)
  const declared = descriptions.flatMap(description =>
    anyRefusal.test(description) ? Object.keys(errorCatalogue) : (description.match(/TUREEN_\w+/g) ?? []),
  )
  if (!declared.includes(String(code))) return `the code ${code} is not declared`
  const causes = Array.isArray(errors) ? errors.map(asSchema) : []
  const isCauseless = causelessCodes.some(each => each === code)
  if (causes.length === 0 && !isCauseless) return `${code} names no cause`
  const untyped = causes.find(cause => Object.keys(cause).length < 2)
  return untyped && `${code} has a cause that names nothing in a field: ${untyped['message']}`
}

export function readApiDocument(document: unknown): ApiDocument {
  const root = asSchema(document)
  const resolve = (reference: string) =>
    reference
      .replace('#/', '')
      .split('/')
      .reduce((at, step) => asSchema(at[step]), root)
  const operations = Object.entries(pathsWithInlineParts(document)).flatMap(([path, methods]) =>
    Object.entries(asSchema(methods)).map(([method, described]): Operation => {
      const { parameters, requestBody, responses } = asSchema(described)
      const content = asSchema(asSchema(requestBody)['content'])
      return {
        method: method.toUpperCase(),
        path,
        parameters: (Array.isArray(parameters) ? parameters : []).map(parameter => {
          const { name, in: place, required, schema } = asSchema(parameter)
          return { name: String(name), in: String(place), required: required === true, schema: asSchema(schema) }
        }),
        bodyTypes: Object.keys(content),
        jsonBody: asSchema(content['application/json'])['schema'],
        responses: asSchema(responses),
      }
    }),
  )
  const ajv = new Ajv2020({ strict: false, validateFormats: false })
  ajv.addSchema({ ...root, $id: 'api' })

  return {
    operations,
    resolve,
    objection({ method, path, responses }, status, contentType, body, asksForOutcome) {
      const range = `${Math.floor(status / 100)}XX`
      const documented = [String(status), ...(asksForOutcome ? [range] : [])].filter(key => key in responses)
      const [key] = documented
      if (status >= 500 && status !== 503 && status !== 507) return `answered ${status}`
      if (key === undefined) return `the status ${status} is not documented`
      if (method === 'HEAD' || body === '') return undefined
      const described = documented.map(each => asSchema(responses[each]))
      const media: Media = Object.fromEntries(
        Object.entries(asSchema(described[0]?.['content'])).map(([type, each]) => [type, asSchema(each)]),
      )
      const type = contentType?.split(';')[0] ?? ''
      if (!(type in media)) return `the content type ${type} is not documented for ${status}`
      if (!type.endsWith('json')) return undefined
      const pointer = ['paths', path, method.toLowerCase(), 'responses', key]
      const own = pointer.reduce((at, step) => asSchema(at[step]), root)['$ref']
      const answer = typeof own === 'string' ? own.replace('#/', '') : pointerTo(pointer)
      const validate = ajv.getSchema(`api#/${answer}/${pointerTo(['content', type, 'schema'])}`)
      if (!validate) return `the schema of ${status} cannot be read`
      const value: unknown = JSON.parse(body)
      if (!validate(value)) return `the body is not as documented: ${ajv.errorsText(validate.errors)}`
      return type === 'application/problem+json'
        ? problemObjection(
            described.map(({ description }) => String(description)),
            value,
          )
        : undefined
    },
  }
}
