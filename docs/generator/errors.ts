import { problemCause } from '../../schemas/problem.ts'
import { causelessCodes, errorCatalogue } from '../../src/error-catalogue.ts'
import { code, page, table } from './markdown.ts'

/** Returns the page of all error codes, with status, title and what to do. */
export function errorsPage(): string {
  const rows = Object.entries(errorCatalogue).map(([name, { status, title, help }]) => [
    `<a id="${name.toLowerCase()}"></a>${code(name)}`,
    String(status),
    `${title}.`,
    help,
  ])
  const causeFields = Object.entries(problemCause.shape).map(([name, { description = '' }]) => [
    code(name),
    `${description}.`,
  ])
  return page(
    'Errors',
    'The server refuses a request with `application/problem+json` ([RFC 9457](https://www.rfc-editor.org/rfc/rfc9457)). `code` is stable: ' +
      'clients can decide by it. `detail` says what was found, what was expected and what to do. A refused request leaves nothing behind.',
    'A failed job has the same document in `error`.',
    `Each item of \`errors\` is one cause. It has the names and values of its message as fields, at least one of them. Only ${causelessCodes.map(code).join(', ')} may have no cause.`,
    table(['field of a cause', 'meaning'], causeFields),
    table(['code', 'status', 'meaning', 'what to do'], rows),
  )
}
