import accepts from '@fastify/accepts'
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { type BuiltPage, readBuiltPage } from '../src/browser-page/built-page.ts'
import { filesPath, pageDocument, pagePath } from '../src/browser-page/page-document.ts'
import { TureenError } from '../src/errors.ts'
import { type EncodedContent, encodedContent, fixedContent, sendEncoded, sendFixed } from '../src/http/fixed-content.ts'

/** Content-Security-Policy of the page: it loads files of the server, and no other host hears of it. Previews of files are blobs. */
const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

const types = { js: 'text/javascript; charset=utf-8', css: 'text/css; charset=utf-8' }

/** Addresses of the views below {@link pagePath}. The page shows the view that its address names. */
const views = [
  '',
  '/models',
  '/models/:id',
  '/soup',
  '/search',
  '/jobs',
  '/jobs/:id',
  '/datasets',
  '/datasets/:id',
  '/usage',
]

/** Routes that serve the page, at / and below /page. They need no token: the page asks for one, and sends it with its requests. */
export const pageRoutes: FastifyPluginAsyncZod<{ version: string }> = async (app, { version }) => {
  await app.register(accepts)
  const hidden = { config: { auth: 'open' }, schema: { hide: true } } as const
  let reading: Promise<ServedPage> | undefined
  const page = async () => {
    reading ??= readBuiltPage().then(built => servedPage(built, app.publicPath, version))
    try {
      return await reading
    } catch (error) {
      // The next request tries again: the source may have been mended.
      reading = undefined
      throw error
    }
  }

  app.get('/', hidden, async (_, reply) => reply.redirect(`${pagePath}/models`))
  for (const view of views)
    app.get(pagePath + view, hidden, async (request, reply) => {
      reply.header('content-security-policy', policy)
      return sendFixed(request, reply, (await page()).document)
    })
  app.get(
    `${filesPath}/:version/*`,
    { config: { auth: 'open' }, schema: { hide: true, params: z.object({ version: z.string(), '*': z.string() }) } },
    async (request, reply) => {
      const { version, '*': path } = request.params
      const served = await page()
      const file = served.version === version ? served.files.get(path) : undefined
      if (file === undefined)
        throw new TureenError('TUREEN_NOT_FOUND', 'The page has no such file in this version. Load the page again.', [
          { field: 'path', actual: request.url, message: `the page has the version ${served.version}` },
        ])
      // The version in the address changes with the content.
      reply.header('cache-control', 'public, max-age=31536000, immutable')
      return sendEncoded(request, reply, file)
    },
  )
}

type ServedPage = { version: string; document: ReturnType<typeof fixedContent>; files: Map<string, EncodedContent> }

function servedPage(built: BuiltPage, publicPath: string, version: string): ServedPage {
  const files = Object.entries(built.files).map(([path, { text, brotli, gzip }]) => {
    const content = {
      br: Buffer.from(brotli, 'base64'),
      gzip: Buffer.from(gzip, 'base64'),
      identity: Buffer.from(text),
    }
    return [path, encodedContent(content, path.endsWith('.css') ? types.css : types.js)] as const
  })
  const document = fixedContent(pageDocument(built, publicPath, version), 'text/html; charset=utf-8')
  return { version: built.version, document, files: new Map(files) }
}
