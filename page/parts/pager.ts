import { h } from 'preact'
import { html } from '../markup.ts'
import { Link, viewUrl } from '../routing.ts'

type PagerProps = { path: string; query: Readonly<Record<string, string>>; cursor: string; nextCursor: string | null }

/** Links to the first and to the next page of a list. The browser's Back leads to the page before. */
export function Pager({ path, query, cursor, nextCursor }: PagerProps) {
  if (cursor === '' && nextCursor === null) return null
  return html`<nav class="pager" aria-label="Pages of the list">
    ${cursor !== '' && h(Link, { href: viewUrl(path, query) }, 'First page')}
    ${nextCursor !== null && h(Link, { href: viewUrl(path, { ...query, cursor: nextCursor }) }, 'Next page')}
  </nav>`
}
