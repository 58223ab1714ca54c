import { readFile } from 'node:fs/promises'
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { problemResponses } from '../src/http/openapi.ts'
import { readmePath } from '../src/problem-document.ts'

/** The README, where the `type` of every problem document points. */
export const readmeRoute: FastifyPluginAsyncZod = async app => {
  const text = await readFile(new URL('../README.md', import.meta.url), 'utf8')
  const schema = {
    summary: 'The README, with what each error code means',
    tags: ['service'],
    response: {
      200: { description: 'Markdown', content: { 'text/markdown': { schema: z.string() } } },
      ...problemResponses(),
    },
  }
  app.get(readmePath, { schema, config: { auth: 'open' } }, async (_, reply) =>
    reply.type('text/markdown; charset=utf-8').send(text),
  )
}
