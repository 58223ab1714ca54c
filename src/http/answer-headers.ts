import { jobStatus } from '../../schemas/job.ts'

type AnswerHeader = { description: string; schema: Readonly<Record<string, unknown>> }

const text = (description: string): AnswerHeader => ({ description, schema: { type: 'string' } })
const count = (description: string): AnswerHeader => ({ description, schema: { type: 'integer', minimum: 0 } })

/**
 * The headers of answers that belong to the API, by name. The OpenAPI document declares them, and scripts of other origins may read them.
 * A route that sets another one adds it here.
 */
export const answerHeaders = {
  ETag: text('Entity tag of the record or content, for If-Match and If-None-Match'),
  Location: text('Path of the created record, or URL from which a file can be downloaded'),
  Allow: text('HTTP methods of the resource'),
  'Retry-After': count('Seconds to wait before the next try'),
  'X-Request-Id': text('Id of the request in the log of the server'),
  'Idempotency-Replayed': {
    description: 'True if the answer is that of an earlier request with the same Idempotency-Key',
    schema: { type: 'string', enum: ['true'] },
  },
  'Accept-Ranges': text('Unit of ranges that a request may ask for: bytes'),
  'Content-Range': text('Place of these bytes in the whole content'),
  'Content-Disposition': text('File name of the content'),
  'Repr-Digest': text('sha256 digest of the whole content (RFC 9530)'),
  'WWW-Authenticate': text('Challenge that names the missing token or scope (RFC 6750)'),
  'Preference-Applied': text('The preference wait that the server followed, with its seconds (RFC 7240)'),
  'Tureen-Job-Status': {
    description: 'Status of the job',
    schema: { type: 'string', enum: jobStatus.options },
  },
  'Tureen-Waited': count('Most seconds of the wait, if the request asked for more'),
  'Tureen-Warnings': count('Number of warnings about the soup'),
  'Tureen-Report': text('Report of the merge as JSON in base64url; absent above 2,048 characters'),
} as const satisfies Record<string, AnswerHeader>

/** The name of a header of {@link answerHeaders}. */
export type AnswerHeaderName = keyof typeof answerHeaders
