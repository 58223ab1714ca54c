import type { BuiltPage } from './built-page.ts'

/** Path below which the server serves the views of the page. */
export const pagePath = '/page'

/** Path below which the server serves the files of the page: their version and path follow. */
export const filesPath = `${pagePath}/files`

/**
 * Returns the HTML document that starts the page. It is the same for all views.
 * @param publicPath the prefix of all addresses
 * @param version the version of the server
 */
export function pageDocument(page: BuiltPage, publicPath: string, version: string): string {
  const base = `${publicPath}${filesPath}/${page.version}`
  const modules = page.first.map(path => `<link rel="modulepreload" href="${base}/${path}">`)
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="tureen-path" content="${publicPath}">
<meta name="tureen-version" content="${version}">
<title>Tureen</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="${base}/${page.style}">
${modules.join('\n')}
<script type="module" src="${base}/${page.entry}"></script>
</head>
<body>
<div id="page"><noscript>This page needs JavaScript. The <a href="${publicPath}/docs">documentation</a> and the API do not.</noscript></div>
</body>
</html>
`
}
