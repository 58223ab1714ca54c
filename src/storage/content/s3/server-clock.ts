import type { S3Client } from '@aws-sdk/client-s3'
import { z } from 'zod'

const answered = z.object({ headers: z.object({ date: z.string() }) })

/** Follows the clock of the S3 server. @returns a function that tells the time of its newest answer; before that, the time of this machine */
export function followServerClock(client: S3Client): () => Date {
  let newest: Date | undefined
  client.middlewareStack.add(
    next => async given => {
      const result = await next(given)
      const { data } = answered.safeParse(result.response)
      const date = new Date(data?.headers.date ?? Number.NaN)
      if (!Number.isNaN(date.getTime())) newest = date
      return result
    },
    // The last one before the network: it sees answers that are failures, too.
    { step: 'deserialize', name: 'followServerClock', priority: 'low' },
  )
  return () => newest ?? new Date()
}
