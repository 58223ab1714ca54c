import { readFile } from 'node:fs/promises'
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { fixedContent, sendFixed } from '../src/http/fixed-content.ts'
import { problemResponses } from '../src/http/openapi.ts'
import { readmePath } from '../src/problem-document.ts'

/** The README, where the `type` of every problem document points. */
export const readmeRoute: FastifyPluginAsyncZod = async app => {
  const text = await readFile(new URL('../README.md', import.meta.url), 'utf8')
  const content = fixedContent(text, 'text/markdown; charset=utf-8')
  const schema = {
    summary: 'The README, with what each error code means',
    tags: ['service'],
    response: {
      200: { description: 'Markdown', content: { 'text/markdown': { schema: z.string() } } },
      304: z.null().describe('The client has it already'),
      ...problemResponses('TUREEN_PRECONDITION_FAILED'),
    },
  }
  app.get(readmePath, { schema, config: { auth: 'open' } }, async (request, reply) =>
    sendFixed(request, reply, content),
  )
}
