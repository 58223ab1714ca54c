import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import fastifyPlugin from 'fastify-plugin'
import { createJsonSchemaTransform, jsonSchemaTransformObject } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { problem } from '../../schemas/problem.ts'
import { type ErrorCode, errorCatalogue } from '../errors.ts'
import { withMethods } from './method-documentation.ts'
import { problemMediaType } from './problem-details.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** How to document a body that is read as a stream, which no validator sees: a JSON schema for each content type. */
    streamedBody?: Record<string, object>
  }
}

export const binary = { type: 'string', format: 'binary' } as const

/** A response whose body is a file. */
export function fileResponse(description: string) {
  return { description, content: { 'application/octet-stream': { schema: z.string().meta({ format: 'binary' }) } } }
}

/** The error responses of a route, by status, each listing the codes that it stands for. */
export function problemResponses(...codes: ErrorCode[]) {
  const always: ErrorCode[] = [
    'TUREEN_REQUEST_TIMEOUT',
    'TUREEN_EXPECTATION_FAILED',
    'TUREEN_HEADERS_TOO_LARGE',
    'TUREEN_INTERNAL',
    'TUREEN_SHUTTING_DOWN',
  ]
  const byStatus = new Map<number, ErrorCode[]>()
  for (const code of [...codes, ...always]) {
    const { status } = errorCatalogue[code]
    byStatus.set(status, [...(byStatus.get(status) ?? []), code])
  }
  const responses = [...byStatus].map(([status, codesOfStatus]) => [
    status,
    { description: codesOfStatus.join(', '), content: { [problemMediaType]: { schema: problem } } },
  ])
  return Object.fromEntries(responses)
}

/** What a request with a body can be refused for before anyone looks at what it says. */
export const bodyProblems = ['TUREEN_BODY_MALFORMED', 'TUREEN_TOO_LARGE', 'TUREEN_UNSUPPORTED_MEDIA_TYPE'] as const

const zodTransform = createJsonSchemaTransform({})

/** A path that ends in `*` takes whatever follows, slashes too; OpenAPI has no such thing, and gets a parameter `location`. */
function namedWildcard({ schema, url }: ReturnType<typeof zodTransform>): ReturnType<typeof zodTransform> {
  if (!url.endsWith('/*') || schema.params === undefined) return { schema, url }
  const renamed: unknown = JSON.parse(JSON.stringify(schema.params).replaceAll('"*"', '"location"'))
  return { schema: { ...schema, params: renamed }, url: url.replace(/\*$/, ':location') }
}

/** /openapi.json (3.1) and /docs, from the routes' own zod schemas. */
export const openApi = fastifyPlugin<{ version: string }>(async (app, { version }) => {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Tureen',
        version,
        description: 'Model soups out of ONNX files: averages the weights of fine-tuned variants of one network.',
      },
    },
    transform(document) {
      const { schema, url } = namedWildcard(zodTransform(document))
      const content = document.route.config?.streamedBody
      if (!content) return { schema, url }
      const body = {
        content: Object.fromEntries(Object.entries(content).map(([type, media]) => [type, { schema: media }])),
      }
      return { schema: { ...schema, body }, url }
    },
    transformObject: jsonSchemaTransformObject,
  })
  app.get('/openapi.json', { schema: { hide: true } }, () => withMethods(app.swagger()))
  await app.register(swaggerUi, { routePrefix: '/docs' })
})
