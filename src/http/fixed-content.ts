import { createHash } from 'node:crypto'
import '@fastify/accepts'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { checkPreconditions, contentTag } from './preconditions.ts'

/** An answer that never changes while the server runs, with its entity tag. `type`: the value of the header content-type. */
export type FixedContent = { bytes: Buffer; type: string; tag: string }

/** Returns a text as fixed content. @param type the value of the header content-type */
export function fixedContent(text: string, type: string): FixedContent {
  const bytes = Buffer.from(text)
  return { bytes, type, tag: textTag(bytes) }
}

/** Returns the entity tag of a text. */
export function textTag(text: string | Buffer): string {
  return contentTag(createHash('sha256').update(text).digest('hex'))
}

/** Sends fixed content with its entity tag; 304 if the client already has it. Browsers ask again, unless the reply has a header cache-control. */
export function sendFixed(request: FastifyRequest, reply: FastifyReply, content: FixedContent): FastifyReply {
  const { bytes, type, tag } = content
  reply.header('etag', tag)
  if (!reply.hasHeader('cache-control')) reply.header('cache-control', 'no-cache')
  return checkPreconditions(request, tag) ? reply.code(304).send() : reply.type(type).send(bytes)
}

/** Codings in which the server has content ready, the smallest first. */
const codings = ['br', 'gzip', 'identity'] as const

type Coding = (typeof codings)[number]

/** Fixed content in several codings (RFC 9110, 8.4). Each has an entity tag of its own. */
export type EncodedContent = Readonly<Record<Coding, FixedContent>>

/** Returns fixed content in several codings. @param type the value of the header content-type */
export function encodedContent(bytes: Readonly<Record<Coding, Buffer>>, type: string): EncodedContent {
  const content = (coding: Coding) => ({ bytes: bytes[coding], type, tag: textTag(bytes[coding]) })
  return { br: content('br'), gzip: content('gzip'), identity: content('identity') }
}

/** Sends fixed content in the smallest coding that the client takes. Needs the plugin @fastify/accepts. */
export function sendEncoded(request: FastifyRequest, reply: FastifyReply, content: EncodedContent): FastifyReply {
  // Browsers list gzip before br, and mean no order by it.
  const coding = codings.find(each => request.accepts().encoding([each]) !== false) ?? 'identity'
  reply.header('vary', 'accept-encoding')
  if (coding !== 'identity') reply.header('content-encoding', coding)
  return sendFixed(request, reply, content[coding])
}
