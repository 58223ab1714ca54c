import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import type { FastifyReply, FastifyRequest, FastifySchema, RouteOptions } from 'fastify'
import fastifyPlugin from 'fastify-plugin'
import { createJsonSchemaTransform, jsonSchemaTransformObject } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { problem } from '../../schemas/problem.ts'
import { type ErrorCode, errorCatalogue } from '../error-catalogue.ts'
import { accessErrors, accessOf } from './access.ts'
import { about, apiDocument } from './api-document/document.ts'
import { withNewline } from './final-newline.ts'
import { type FixedContent, fixedContent, sendFixed, textTag } from './fixed-content.ts'
import { jsonBodyErrors } from './json-body.ts'
import { isSafe } from './origin-check.ts'
import { checkPreconditions, preconditionErrors } from './preconditions.ts'
import { problemMediaType } from './problem-details.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** How to document a body that is read as a stream, which no validator sees: a JSON schema for each content type. */
    streamedBody?: Record<string, object>
  }
}

export const binary = { type: 'string', format: 'binary' } as const

/** A reference to the component that describes a part of a streamed body. @param schema has an id of its own */
export function requestComponent(schema: z.ZodType) {
  return { $ref: `#/components/schemas/${schema.meta()?.id}Input` }
}

/** A response whose body is a file. */
export function fileResponse(description: string) {
  return { description, content: { 'application/octet-stream': { schema: z.string().meta({ format: 'binary' }) } } }
}

/** A response whose body is a file, or JSON where the request asks for that instead. */
export function fileOrJsonResponse(description: string, schema: z.ZodType) {
  const { content } = fileResponse(description)
  return { description, content: { ...content, 'application/json': { schema } } }
}

/** The codes that any request may be answered with: it is not HTTP or not this API's, or the server, its disk or its catalog fails. */
const anyRequestErrors = [
  'TUREEN_REQUEST_INVALID',
  'TUREEN_REQUEST_TIMEOUT',
  'TUREEN_EXPECTATION_FAILED',
  'TUREEN_HEADERS_TOO_LARGE',
  'TUREEN_RECORD_UNREADABLE',
  'TUREEN_STORE_FAILED',
  'TUREEN_INTERNAL',
  'TUREEN_CATALOG_UNAVAILABLE',
  'TUREEN_TOO_MANY_FILES',
  'TUREEN_SHUTTING_DOWN',
] as const satisfies readonly ErrorCode[]

/**
 * The error responses of a route, by status, each listing the codes that it stands for.
 * @param codes those that the services behind the route declare. {@link withRefusals} adds what stands before routes
 */
export function problemResponses(...codes: ErrorCode[]) {
  const byStatus = Map.groupBy(new Set([...codes, ...anyRequestErrors]), code => errorCatalogue[code].status)
  const responses = [...byStatus].map(([status, codesOfStatus]) => [status, problemResponse(codesOfStatus.join(', '))])
  return Object.fromEntries(responses)
}

/**
 * How else a single record can be answered for, beside the record.
 * @param codes those that the service declares for reading it
 */
export function recordResponses(codes: readonly ErrorCode[]) {
  return {
    304: z.null().describe('The client has it already'),
    ...problemResponses(...codes, ...preconditionErrors),
  }
}

const zodTransform = createJsonSchemaTransform({})

/** A path that ends in `*` takes whatever follows, slashes too; OpenAPI has no such thing, and gets a parameter `location`. */
function namedWildcard({ schema, url }: ReturnType<typeof zodTransform>): ReturnType<typeof zodTransform> {
  if (!url.endsWith('/*') || schema.params === undefined) return { schema, url }
  const renamed: unknown = JSON.parse(JSON.stringify(schema.params).replaceAll('"*"', '"location"'))
  return { schema: { ...schema, params: renamed }, url: url.replace(/\*$/, ':location') }
}

/** Adds which scope the token for a route needs, and the error responses of what stands before it: host, origin, token, rate, limits. */
function withRefusals(schema: FastifySchema, { method, config = {} }: RouteOptions): FastifySchema {
  const [first = 'GET'] = [method].flat()
  const access = accessOf(first, config)
  const codes: ErrorCode[] = [
    ...(access === 'open' ? [] : accessErrors),
    ...(isSafe(first) ? [] : (['TUREEN_CROSS_ORIGIN'] as const)),
    ...(config.anyHost ? [] : (['TUREEN_HOST_UNKNOWN'] as const)),
    ...(config.probe ? [] : (['TUREEN_TOO_MANY_CONNECTIONS'] as const)),
    ...(config.events ? (['TUREEN_TOO_MANY_STREAMS'] as const) : []),
    ...(canWait(schema) ? (['TUREEN_TOO_MANY_WAITS'] as const) : []),
  ]
  const response: Record<string, unknown> = { ...Object(schema.response) }
  for (const [status, added] of Map.groupBy(codes, code => errorCatalogue[code].status)) {
    const described = z.object({ description: z.string() }).safeParse(response[status]).data
    response[status] = problemResponse(described ? `${described.description}, ${added.join(', ')}` : added.join(', '))
  }
  const security = access === 'open' ? { security: [] } : { security: [{ token: [] }], 'x-scope': access }
  return { ...schema, ...security, response }
}

function canWait({ querystring }: FastifySchema): boolean {
  return querystring instanceof z.ZodObject && 'wait' in querystring.shape
}

function problemResponse(description: string) {
  return { description, content: { [problemMediaType]: { schema: problem } } }
}

/** The pages of /docs/api load what lies beside them, and Swagger UI sets styles of its own. */
const docsPolicy = {
  'default-src': "'none'",
  'script-src': "'self'",
  'style-src': "'self' 'unsafe-inline'",
  'img-src': "'self' data:",
  'connect-src': "'self'",
  'base-uri': "'none'",
  'form-action': "'none'",
  'frame-ancestors': "'none'",
}

/**
 * /openapi.json (3.1) and /docs/api, from the routes' own zod schemas, written once when the server is ready. Both are open: they tell of the program, not of what is in the
 * store, and a browser has no token to send for a page.
 */
export const openApi = fastifyPlugin<{ version: string }>(async (app, { version }) => {
  await app.register(swagger, {
    openapi: {
      openapi: about.openapi,
      info: { ...about.info, version },
      servers: [...about.servers],
      tags: [...about.tags],
      components: about.components,
    },
    transform(document) {
      const documented = { ...document, schema: withRefusals(document.schema, document.route) }
      const { schema, url } = namedWildcard(zodTransform(documented))
      const content = document.route.config?.streamedBody
      if (!content) return { schema, url }
      const body = {
        content: Object.fromEntries(Object.entries(content).map(([type, media]) => [type, { schema: media }])),
      }
      return { schema: { ...schema, body }, url }
    },
    transformObject: jsonSchemaTransformObject,
  })
  let json: FixedContent | undefined
  const document = () => {
    json ??= fixedContent(withNewline(JSON.stringify(apiDocument(app.swagger()))), jsonType)
    return json
  }
  // Not at the first request: it takes longer than a request may hold the event loop.
  app.addHook('onReady', async () => void document())
  const sendDocument = async (request: FastifyRequest, reply: FastifyReply) => sendFixed(request, reply, document())
  app.get('/openapi.json', { schema: { hide: true }, config: { auth: 'open' } }, sendDocument)
  await app.register(async docs => {
    docs.addHook('onRoute', route => {
      route.config = { ...route.config, auth: 'open' }
      // Swagger UI would write its document anew for each request, as JSON or as YAML, which JSON is as well.
      if (route.url === `${apiPath}/json` || route.url === `${apiPath}/yaml`) route.handler = sendDocument
    })
    docs.addHook('onSend', tagText)
    await docs.register(swaggerUi, { routePrefix: apiPath, staticCSP: docsPolicy })
  })
})

/** Where a browser can try the API. */
const apiPath = '/docs/api'

const jsonType = 'application/json; charset=utf-8'

/** Gives a page that is sent as a text an entity tag, and answers 304 to a client that has it already. */
async function tagText(request: FastifyRequest, reply: FastifyReply, payload: unknown): Promise<unknown> {
  if (typeof payload !== 'string' || payload === '' || reply.statusCode !== 200) return payload
  const tag = textTag(payload)
  reply.header('etag', tag)
  if (!checkPreconditions(request, tag)) return payload
  reply.code(304)
  return ''
}

/**
 * What a route answers that deletes one thing. It may come with a body, which is read.
 * @param codes those that the service declares for removing it
 */
export function deletionResponses(codes: readonly ErrorCode[]) {
  return {
    204: z.null().describe('It is gone'),
    ...problemResponses(...codes, ...preconditionErrors, ...jsonBodyErrors),
  }
}
