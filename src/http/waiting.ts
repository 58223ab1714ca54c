import type { FastifyRequest, FastifySchema } from 'fastify'
import { z } from 'zod'
import { longestWait, waitSeconds } from '../../schemas/common.ts'

/** How long a request waits for its job: seconds from 0 to {@link longestWait}, and the headers of the answer that tell it. */
export type Wait = { seconds: number; headers: Record<string, string> }

const waitQuery = z.object({ wait: waitSeconds })

/** True if the requests of a route can wait for a job. */
export function canWait(schema: FastifySchema | undefined): boolean {
  return schema?.querystring instanceof z.ZodObject && 'wait' in schema.querystring.shape
}

/**
 * Returns how long a valid request waits, by its query parameter `wait`, else by `Prefer: wait` (RFC 7240, 4.3). `Tureen-Waited` tells that
 * the server waits less than the request asks for, `Preference-Applied` that it follows the preference.
 */
export function waitOf({ query, headers }: Pick<FastifyRequest, 'query' | 'headers'>): Wait {
  const { wait } = waitQuery.parse(query)
  const preferred = wait === undefined ? preferredWait(String(headers['prefer'] ?? '')) : undefined
  const asked = wait ?? preferred ?? 0
  const seconds = Math.min(asked, longestWait)
  return {
    seconds,
    headers: {
      ...(asked > seconds ? { 'tureen-waited': String(seconds) } : {}),
      ...(preferred === undefined ? {} : { 'preference-applied': `wait=${seconds}` }),
    },
  }
}

/**
 * Returns the seconds of the preference `wait`; undefined if there is none, or if it is malformed: servers ignore such preferences. The first
 * one counts (RFC 7240, 2).
 */
function preferredWait(prefer: string): number | undefined {
  const first = prefer.split(',').find(each => /^\s*wait\s*(?:[=;]|$)/i.test(each))
  const digits = /^\s*wait\s*=\s*("?)(\d+)\1\s*(?:;|$)/i.exec(first ?? '')?.[2]
  return digits === undefined ? undefined : Number(digits)
}
