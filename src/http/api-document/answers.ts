import { STATUS_CODES } from 'node:http'
import { type JsonObject, mapMembers, memberOf } from './json.ts'

const text = (description: string) => ({ description, schema: { type: 'string' } })

/** Headers of answers, by the name of their component. */
export const answerHeaders: JsonObject = {
  ETag: text('Entity tag of the record or content, for If-Match and If-None-Match'),
  Location: text('Path of the created record'),
  'Retry-After': { description: 'Seconds to wait before the next try', schema: { type: 'integer', minimum: 0 } },
  'X-Request-Id': text('Id of the request in the log of the server'),
  'Idempotency-Replayed': {
    description: 'True if the answer is that of an earlier request with the same Idempotency-Key',
    schema: { type: 'string', enum: ['true'] },
  },
  'Content-Disposition': text('File name of the content'),
  'Repr-Digest': text('sha256 digest of the whole content (RFC 9530)'),
  'WWW-Authenticate': text('Challenge that names the missing token or scope (RFC 6750)'),
}

/** Returns the document with the headers and a description of every answer. */
export function withAnswerHeaders(document: JsonObject): JsonObject {
  const paths = mapMembers(memberOf(document, 'paths'), methods =>
    mapMembers(methods, operation => {
      const answers = memberOf(operation, 'responses')
      const creates = JSON.stringify(operation['parameters'] ?? []).includes('idempotency-key')
      return {
        ...operation,
        responses: mapMembers(answers, (answer, status) => {
          const { description } = answer
          return {
            ...answer,
            description: description === 'Default Response' ? (STATUS_CODES[status] ?? status) : description,
            headers: Object.fromEntries(
              headersOf(status, answer, { creates, hasTag: '304' in answers }).map(name => [
                name,
                { $ref: `#/components/headers/${name}` },
              ]),
            ),
          }
        }),
      }
    }),
  )
  return { ...document, paths, components: { ...memberOf(document, 'components'), headers: answerHeaders } }
}

function headersOf(
  status: string,
  answer: JsonObject,
  { creates, hasTag }: { creates: boolean; hasTag: boolean },
): string[] {
  const isFile = 'application/octet-stream' in memberOf(answer, 'content')
  return [
    'X-Request-Id',
    ...(hasTag && ['200', '206', '304'].includes(status) ? ['ETag'] : []),
    ...(creates && ['201', '202'].includes(status) ? ['Location'] : []),
    ...(creates && status.startsWith('2') ? ['Idempotency-Replayed'] : []),
    ...(isFile ? ['Content-Disposition', 'Repr-Digest'] : []),
    ...(status === '429' || status === '503' ? ['Retry-After'] : []),
    ...(status === '401' || status === '403' ? ['WWW-Authenticate'] : []),
  ]
}
