import { escapeHtml, pageUrl } from './render-markdown.ts'

/** Path of the style sheet of all pages. */
export const styleUrl = '/docs/style.css'

/** A link of the navigation: the path of a page below docs/, and its title. */
export type NavigationItem = Readonly<{ file: string; title: string }>

/** Folders and their headings, in the order in which a newcomer needs them. */
const folders = [
  ['', 'Tureen'],
  ['tutorials', 'Tutorials'],
  ['guides', 'Guides'],
  ['concepts', 'Concepts'],
  ['reference', 'Reference'],
  ['operations', 'Operations'],
  ['development', 'Development'],
] as const

/**
 * Returns an HTML document with the content and the navigation.
 * @param publicPath the prefix of all links
 * @param file the path of the page below docs/; undefined for a page that is not part of the navigation
 */
export function pageFrame(
  title: string,
  content: string,
  all: readonly NavigationItem[],
  publicPath: string,
  file?: string,
): string {
  const isCurrent = (each: NavigationItem) => (each.file === file ? ' aria-current="page"' : '')
  const navigation = folders.map(([folder, heading]) => {
    const own = all.filter(each => (each.file.includes('/') ? each.file.split('/')[0] : '') === folder)
    const items = own.map(
      each =>
        `<li><a href="${publicPath}${escapeHtml(pageUrl(each.file))}"${isCurrent(each)}>${escapeHtml(each.title)}</a></li>`,
    )
    return own.length === 0 ? '' : `<h2>${heading}</h2><ul>${items.join('')}</ul>`
  })
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escapeHtml(title)} · Tureen</title>
<link rel="stylesheet" href="${publicPath}${styleUrl}">
</head>
<body>
<nav aria-label="Pages">${navigation.join('')}<h2>Service</h2><ul><li><a href="${publicPath}/docs/api">Try the API</a></li><li><a href="${publicPath}/openapi.json">OpenAPI document</a></li></ul></nav>
<main>
${content}
</main>
</body>
</html>
`
}
