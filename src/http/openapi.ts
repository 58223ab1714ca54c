import type { FastifyReply, FastifyRequest, FastifySchema, RouteOptions } from 'fastify'
import fastifyPlugin from 'fastify-plugin'
import { createJsonSchemaTransform, jsonSchemaTransformObject } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { problem } from '../../schemas/problem.ts'
import { type ErrorCode, errorCatalogue } from '../error-catalogue.ts'
import { jobErrors } from '../jobs/job-errors.ts'
import { accessErrors, accessOf } from './access.ts'
import { about, apiDocument } from './api-document/document.ts'
import { keptText } from './api-document/kept-text.ts'
import { withNewline } from './final-newline.ts'
import { type FixedContent, fixedContent, sendFixed, textTag } from './fixed-content.ts'
import { jsonBodyErrors } from './json-body.ts'
import { isSafe } from './origin-check.ts'
import { checkPreconditions, preconditionErrors } from './preconditions.ts'
import { problemMediaType } from './problem-details.ts'
import { canWait } from './waiting.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** JSON schemas of a streamed body, by content type. They only document it: no validator sees a stream. */
    streamedBody?: Record<string, object>
  }
}

export const binary = { type: 'string', format: 'binary' } as const

/** Returns a reference to the request component of a schema. @param schema a schema with an id */
export function requestComponent(schema: z.ZodType) {
  return { $ref: `#/components/schemas/${schema.meta()?.id}Input` }
}

/** Returns the response schema of a file. */
export function fileResponse(description: string) {
  return { description, content: { 'application/octet-stream': { schema: z.string().meta({ format: 'binary' }) } } }
}

/** Returns the response schema of a file, or of JSON if the request asks for that instead. */
export function fileOrJsonResponse(description: string, schema: z.ZodType) {
  const { content } = fileResponse(description)
  return { description, content: { ...content, 'application/json': { schema } } }
}

/** Error codes of any request: malformed requests, and failures of the server, its disk, its catalog or its content. */
const anyRequestErrors = [
  'TUREEN_REQUEST_INVALID',
  'TUREEN_REQUEST_TIMEOUT',
  'TUREEN_EXPECTATION_FAILED',
  'TUREEN_HEADERS_TOO_LARGE',
  'TUREEN_RECORD_UNREADABLE',
  'TUREEN_STORE_FAILED',
  'TUREEN_INTERNAL',
  'TUREEN_CATALOG_UNAVAILABLE',
  'TUREEN_CONTENT_UNAVAILABLE',
  'TUREEN_TOO_MANY_FILES',
  'TUREEN_SHUTTING_DOWN',
] as const satisfies readonly ErrorCode[]

/**
 * Returns the error responses of a route, by status, each with its codes. {@link withRefusals} adds the refusals before the route runs.
 * @param codes the codes that the services behind the route declare
 */
export function problemResponses(...codes: ErrorCode[]) {
  const byStatus = Map.groupBy(new Set([...codes, ...anyRequestErrors]), code => errorCatalogue[code].status)
  const responses = [...byStatus].map(([status, codesOfStatus]) => [status, problemResponse(codesOfStatus.join(', '))])
  return Object.fromEntries(responses)
}

/** The responses of failed and cancelled jobs that `fail=http` asks for. Their status is that of the job's error. */
export const failedJobResponses = { '4xx': failedJobResponse('4'), '5xx': failedJobResponse('5') }

/** @param first the first digit of the statuses */
function failedJobResponse(first: '4' | '5') {
  const codes = jobErrors.end.filter(code => String(errorCatalogue[code].status).startsWith(first))
  return problemResponse(
    `With ?fail=http, the error of a failed or cancelled job: ${codes.join(', ')}, or a code that refuses the request to start the job`,
  )
}

/**
 * Returns the further responses of a route that answers with one record.
 * @param codes the codes that the service declares for reading it
 */
export function recordResponses(codes: readonly ErrorCode[]) {
  return {
    304: z.null().describe('Not modified: the client already has this version'),
    ...problemResponses(...codes, ...preconditionErrors),
  }
}

const zodTransform = createJsonSchemaTransform({})

/** Returns the route with a parameter `location` in place of a final `*`, which also matches slashes. OpenAPI has no such wildcard. */
function namedWildcard({ schema, url }: ReturnType<typeof zodTransform>): ReturnType<typeof zodTransform> {
  if (!url.endsWith('/*') || schema.params === undefined) return { schema, url }
  const renamed: unknown = JSON.parse(JSON.stringify(schema.params).replaceAll('"*"', '"location"'))
  return { schema: { ...schema, params: renamed }, url: url.replace(/\*$/, ':location') }
}

/** Returns the schema with the scope of the route, and with the refusals before the route runs: host, origin, token, rate and limits. */
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

function problemResponse(description: string) {
  return { description, content: { [problemMediaType]: { schema: problem } } }
}

/** Content-Security-Policy of /docs/api. Its pages load files of the server, and Swagger UI sets inline styles. */
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

/** Written documents, by version, public path, routes and scopes. Two servers of one process differ in nothing else that a document shows. */
const documents = new Map<string, FixedContent>()

/**
 * Serves /openapi.json (3.1) and /docs/api, which are made from the routes' zod schemas once the server is ready. Both need no token:
 * they describe the program and not the store, and browsers send no token when they load a page. Loads the modules of both here: servers without
 * them start sooner.
 */
export const openApi = fastifyPlugin<{ version: string }>(async (app, { version }) => {
  const { default: swagger } = await import('@fastify/swagger')
  const { default: swaggerUi } = await import('@fastify/swagger-ui')
  await app.register(swagger, {
    openapi: {
      openapi: about.openapi,
      info: { ...about.info, version },
      servers: [{ ...about.server, url: app.publicPath || '/' }],
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
  const routes: string[] = []
  app.addHook('onRoute', ({ method, url, config }) => void routes.push(JSON.stringify([method, url, config?.auth])))
  const writtenDocument = () => {
    const key = [version, app.publicPath, ...routes].join('\n')
    const write = () => withNewline(JSON.stringify(apiDocument(app.swagger())))
    const known = documents.get(key) ?? fixedContent(keptText('openapi.json', key, write), jsonType)
    documents.set(key, known)
    return known
  }
  let json: FixedContent | undefined
  const document = () => {
    json ??= writtenDocument()
    return json
  }
  // Write the document now: at the first request it would block the event loop for too long.
  app.addHook('onReady', async () => void document())
  const sendDocument = async (request: FastifyRequest, reply: FastifyReply) => sendFixed(request, reply, document())
  app.get('/openapi.json', { schema: { hide: true }, config: { auth: 'open' } }, sendDocument)
  await app.register(async docs => {
    docs.addHook('onRoute', route => {
      route.config = { ...route.config, auth: 'open' }
      // Swagger UI would build its document for each request. JSON is also valid YAML.
      if (route.url === `${apiPath}/json` || route.url === `${apiPath}/yaml`) route.handler = sendDocument
    })
    docs.addHook('onSend', tagText)
    await docs.register(swaggerUi, { routePrefix: apiPath, indexPrefix: app.publicPath, staticCSP: docsPolicy })
  })
})

/** Path of the pages on which a user can try the API. */
const apiPath = '/docs/api'

const jsonType = 'application/json; charset=utf-8'

/** Adds an entity tag to a page that is sent as a text; answers 304 if the client already has it. */
async function tagText(request: FastifyRequest, reply: FastifyReply, payload: unknown): Promise<unknown> {
  if (typeof payload !== 'string' || payload === '' || reply.statusCode !== 200) return payload
  const tag = textTag(payload)
  reply.header('etag', tag)
  if (!checkPreconditions(request, tag)) return payload
  reply.code(304)
  return ''
}

/**
 * Returns the responses of a route that deletes one record. The request may have a JSON body, which the server reads.
 * @param codes the codes that the service declares for deleting it
 */
export function deletionResponses(codes: readonly ErrorCode[]) {
  return {
    204: z.null().describe('Record deleted'),
    ...problemResponses(...codes, ...preconditionErrors, ...jsonBodyErrors),
  }
}
