import { Ajv2020 } from 'ajv/dist/2020.js'
import { pathsWithInlineParts } from '../../docs/generator/inline-parts.ts'
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
  /** @returns what is wrong with an answer; undefined if it is one that the document describes */
  objection(operation: Operation, status: number, contentType: string | null, body: string): string | undefined
}

const pointerTo = (steps: readonly string[]) =>
  steps.map(step => encodeURIComponent(step.replaceAll('~', '~0').replaceAll('/', '~1'))).join('/')

type Media = Record<string, { schema?: unknown }>

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
    objection({ method, path, responses }, status, contentType, body) {
      if (status >= 500 && status !== 503 && status !== 507) return `answered ${status}`
      const described = asSchema(responses[String(status)])
      if (responses[String(status)] === undefined) return `the status ${status} is not documented`
      if (method === 'HEAD' || body === '') return undefined
      const media: Media = Object.fromEntries(
        Object.entries(asSchema(described['content'])).map(([type, each]) => [type, asSchema(each)]),
      )
      const type = contentType?.split(';')[0] ?? ''
      if (!(type in media)) return `the content type ${type} is not documented for ${status}`
      if (!type.endsWith('json')) return undefined
      const pointer = ['paths', path, method.toLowerCase(), 'responses', String(status)]
      const own = pointer.reduce((at, step) => asSchema(at[step]), root)['$ref']
      const answer = typeof own === 'string' ? own.replace('#/', '') : pointerTo(pointer)
      const validate = ajv.getSchema(`api#/${answer}/${pointerTo(['content', type, 'schema'])}`)
      if (!validate) return `the schema of ${status} cannot be read`
      return validate(JSON.parse(body))
        ? undefined
        : `the body is not as documented: ${ajv.errorsText(validate.errors)}`
    },
  }
}
