import { createHash } from 'node:crypto'
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

/** Sends fixed content with its entity tag; 304 if the client already has it. */
export function sendFixed(request: FastifyRequest, reply: FastifyReply, content: FixedContent): FastifyReply {
  const { bytes, type, tag } = content
  reply.header('etag', tag).header('cache-control', 'no-cache')
  return checkPreconditions(request, tag) ? reply.code(304).send() : reply.type(type).send(bytes)
}
