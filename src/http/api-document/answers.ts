import { STATUS_CODES } from 'node:http'
import { type AnswerHeaderName, answerHeaders } from '../answer-headers.ts'
import { type JsonObject, mapMembers, memberOf } from './json.ts'

const prefix = '#/components/headers/'

/** Returns the document with the headers and a description of every answer. */
export function withAnswerHeaders(document: JsonObject): JsonObject {
  const paths = mapMembers(memberOf(document, 'paths'), methods =>
    mapMembers(methods, operation => {
      const answers = memberOf(operation, 'responses')
      const about = factsOf(operation)
      return {
        ...operation,
        responses: mapMembers(answers, (answer, status) => {
          const { description } = answer
          return {
            ...answer,
            description: description === 'Default Response' ? (STATUS_CODES[status] ?? status) : description,
            headers: Object.fromEntries(headersOf(status, about).map(name => [name, { $ref: prefix + name }])),
          }
        }),
      }
    }),
  )
  const written = JSON.stringify(paths)
  const used = Object.entries(answerHeaders).filter(([name]) => written.includes(`"${prefix}${name}"`))
  const headers = Object.fromEntries(used)
  return { ...document, paths, components: { ...memberOf(document, 'components'), headers } }
}

/** Facts about an operation that decide about the headers of its answers. */
type AnswerFacts = {
  creates: boolean
  hasTag: boolean
  /** True if the answer is a record that the request has changed. */
  isChanged: boolean
  /** True if an answer is a file. */
  hasFile: boolean
  /** True if the answers are one job. */
  isJob: boolean
  /** True if requests can wait for the job. */
  waits: boolean
  makesSoup: boolean
}

function factsOf(operation: JsonObject): AnswerFacts {
  const parameters = JSON.stringify(operation['parameters'] ?? [])
  const answers = memberOf(operation, 'responses')
  const waits = parameters.includes('"wait"')
  return {
    creates: parameters.includes('idempotency-key'),
    hasTag: '304' in answers,
    isChanged: 'application/merge-patch+json' in memberOf(memberOf(operation, 'requestBody'), 'content'),
    hasFile: fileType in memberOf(memberOf(answers, '200'), 'content'),
    isJob: waits || operation['operationId'] === 'cancelJob',
    waits,
    makesSoup: operation['operationId'] === 'makeSoup',
  }
}

const fileType = 'application/octet-stream'

function headersOf(
  status: string,
  { creates, hasTag, isChanged, hasFile, isJob, waits, makesSoup }: AnswerFacts,
): AnswerHeaderName[] {
  const isGood = status.startsWith('2')
  // With fail=http, the error of a job is the answer.
  const isOutcome = isGood || status.endsWith('XX')
  const isKnown = status === '304'
  const when = (holds: boolean, ...names: AnswerHeaderName[]) => (holds ? names : [])
  return [
    'X-Request-Id',
    ...when((hasTag || isChanged || hasFile) && ['200', '206'].includes(status), 'ETag'),
    ...when(isKnown || (hasTag && status === '412'), 'ETag'),
    ...when(creates && isOutcome, 'Location', 'Idempotency-Replayed'),
    ...when(status === '307', 'Location'),
    ...when(isJob && (isOutcome || isKnown), 'Tureen-Job-Status'),
    ...when(waits && (isOutcome || isKnown), 'Tureen-Waited', 'Preference-Applied'),
    ...when(hasFile && (isGood || isKnown), 'Content-Disposition', 'Repr-Digest', 'Accept-Ranges'),
    ...when(makesSoup && isGood, 'Tureen-Warnings', 'Tureen-Report'),
    ...when(status === '206' || status === '416', 'Content-Range'),
    ...when(['429', '503'].includes(status) || (creates && status === '409'), 'Retry-After'),
    ...when(status === '401' || status === '403', 'WWW-Authenticate'),
  ]
}
