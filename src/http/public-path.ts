import type { IncomingMessage } from 'node:http'
import fastifyPlugin from 'fastify-plugin'
import type { ProblemDocument } from '../../schemas/problem.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** Prefix under which a proxy serves this server, such as `/tureen`; empty if there is none. */
    publicPath: string
  }
}

/** Returns the URL of a request without the public path, so that it does not matter whether a proxy removes it. */
export function withoutPublicPath(publicPath: string): (request: Pick<IncomingMessage, 'url'>) => string {
  return ({ url = '/' }) => {
    const rest = url.startsWith(publicPath) ? url.slice(publicPath.length) : url
    if (rest === '' || rest.startsWith('?')) return `/${rest}`
    return rest.startsWith('/') ? rest : url
  }
}

/** Puts the public path before the paths in the header Location of all answers. */
export const publicLocations = fastifyPlugin(async app => {
  const { publicPath } = app
  if (publicPath === '') return
  app.addHook('onSend', async (_, reply, payload) => {
    const location = reply.getHeader('location')
    if (typeof location === 'string' && location.startsWith('/')) reply.header('location', publicPath + location)
    return payload
  })
})

/** Returns a record whose error, if it has one, links to the page under the public path. */
export function withPublicError<Item extends { error?: ProblemDocument | undefined }>(
  item: Item,
  publicPath: string,
): Item {
  const { error } = item
  return error === undefined || publicPath === ''
    ? item
    : { ...item, error: { ...error, type: publicPath + error.type } }
}
