import { dirname, join, relative } from 'node:path/posix'
import { Marked } from 'marked'
import { gfmHeadingId } from 'marked-gfm-heading-id'

/**
 * Markdown of this project as HTML. It is trusted: nothing of a client may be rendered with it.
 *
 * @param file path of the page below docs/, such as `operations/full-disk.md`: links to other pages start there
 * @param isPage whether a path below docs/ is a page of the server; links to anything else become plain text
 */
export function renderMarkdown(text: string, file: string, isPage: (path: string) => boolean): string {
  const marked = new Marked(gfmHeadingId(), {
    renderer: {
      link({ href, tokens }) {
        const inner = this.parser.parseInline(tokens)
        const target = linkTarget(href, file, isPage)
        return target === undefined ? inner : `<a href="${escapeHtml(target)}">${inner}</a>`
      },
    },
  })
  return marked.parse(text, { async: false })
}

/** The title of a page: its first heading of the first level. */
export function titleOf(text: string): string | undefined {
  return /^# (.+)$/m.exec(text)?.[1]?.replaceAll('`', '')
}

/** A text as HTML. */
export function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}

/** Where the server has a page below docs/: `/docs/operations/full-disk`. */
export function pageUrl(file: string): string {
  return `/docs/${file.replace(/(^|\/)README\.md$/, '$1').replace(/\.md$/, '')}`
}

function linkTarget(href: string, file: string, isPage: (path: string) => boolean): string | undefined {
  if (/^(https?:|#|\/)/.test(href)) return href
  const [path = '', anchor] = href.split('#')
  const target = relative('.', join(dirname(file), path))
  if (!isPage(target)) return undefined
  return anchor === undefined ? pageUrl(target) : `${pageUrl(target)}#${anchor}`
}
