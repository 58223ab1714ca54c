import { errorCatalogue } from '../../src/error-catalogue.ts'
import { code, page, table } from './markdown.ts'

/** Every error code with its status, its title and what to do. */
export function errorsPage(): string {
  const rows = Object.entries(errorCatalogue).map(([name, { status, title, help }]) => [
    `<a id="${name.toLowerCase()}"></a>${code(name)}`,
    String(status),
    `${title}.`,
    help,
  ])
  return page(
    'Errors',
    'The server refuses a request with `application/problem+json` ([RFC 9457](https://www.rfc-editor.org/rfc/rfc9457)). `code` is stable: ' +
      'clients can decide by it. `detail` says what was found, what was expected and what to do. Each item of `errors` names a field, ' +
      'model, node or tensor. A refused request leaves nothing behind.',
    'A job that fails carries the same document in `error`.',
    table(['code', 'status', 'meaning', 'what to do'], rows),
  )
}
