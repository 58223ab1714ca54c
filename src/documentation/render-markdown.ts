import { dirname, join, relative } from 'node:path/posix'
import { Marked } from 'marked'
import { gfmHeadingId } from 'marked-gfm-heading-id'

/**
 * Returns Markdown as HTML. It does not remove scripts: render only the project's own files, never a client's text.
 *
 * @param file path of the page below docs/, such as `operations/full-disk.md`; links to other pages are relative to it
 * @param isPage returns true if a path below docs/ is a page of the server; links to other files become plain text
 * @param publicPath the prefix of all paths
 */
export function renderMarkdown(
  text: string,
  { file, isPage, publicPath }: { file: string; isPage: (path: string) => boolean; publicPath: string },
): string {
  const marked = new Marked(gfmHeadingId(), {
    renderer: {
      link({ href, tokens }) {
        const inner = this.parser.parseInline(tokens)
        const target = linkTarget(href, file, isPage)
        if (target === undefined) return inner
        const prefix = target.startsWith('/') ? publicPath : ''
        return `<a href="${prefix}${escapeHtml(target)}">${inner}</a>`
      },
      image({ href, text: description }) {
        const path = join('/docs', dirname(file), href)
        return `<img src="${publicPath}${escapeHtml(path)}" alt="${escapeHtml(description)}">`
      },
    },
  })
  return marked.parse(text, { async: false })
}

/** Returns the title of a page: its first heading of the first level. */
export function titleOf(text: string): string | undefined {
  return /^# (.+)$/m.exec(text)?.[1]?.replaceAll('`', '')
}

/** Returns a text as HTML that shows it. */
export function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}

/** Returns the path under which the server serves a page below docs/, such as `/docs/operations/full-disk`. */
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
