import { fileURLToPath } from 'node:url'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { styleUrl } from '../src/documentation/page-frame.ts'
import { type Documentation, readDocumentation } from '../src/documentation/pages.ts'
import { TureenError } from '../src/errors.ts'
import { type FixedContent, sendFixed } from '../src/http/fixed-content.ts'
import { problemPath } from '../src/problem-document.ts'

const policy =
  "default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

/** Routes that serve the documentation: the pages of docs/, and one page for each error code. They need no token. */
export const documentationRoutes: FastifyPluginAsyncZod = async app => {
  let reading: Promise<Documentation> | undefined
  const documentation = () => {
    reading ??= readDocumentation(fileURLToPath(new URL('../docs', import.meta.url)), app.publicPath)
    return reading
  }
  const send = (request: FastifyRequest, reply: FastifyReply, page: FixedContent | undefined) => {
    if (page === undefined)
      throw new TureenError('TUREEN_NOT_FOUND', 'The documentation has no such page. /docs/ lists all pages.', [
        { field: 'path', actual: request.url, message: 'the documentation has no such page' },
      ])
    reply.header('content-security-policy', policy)
    return sendFixed(request, reply, page)
  }
  const open = { config: { auth: 'open' } } as const
  const hidden = { ...open, schema: { hide: true } }

  app.get('/docs', hidden, async (request, reply) => send(request, reply, (await documentation()).page('')))
  app.get(
    '/docs/*',
    { ...open, schema: { hide: true, params: z.object({ '*': z.string() }) } },
    async (request, reply) => send(request, reply, (await documentation()).page(request.params['*'])),
  )
  app.get(styleUrl, hidden, async (request, reply) => sendFixed(request, reply, (await documentation()).styles))
  app.get(
    `${problemPath}/:code`,
    { ...open, schema: { hide: true, params: z.object({ code: z.string() }) } },
    async (request, reply) => send(request, reply, (await documentation()).problem(request.params.code)),
  )
}
