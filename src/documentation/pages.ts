import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { errorCatalogue } from '../error-catalogue.ts'
import { pageFrame } from './page-frame.ts'
import { escapeHtml, renderMarkdown, titleOf } from './render-markdown.ts'

/** The documentation as HTML pages. */
export type Documentation = {
  /** @param path below /docs/, such as `operations/full-disk`; empty for the first page. @returns undefined if there is no such page */
  page(path: string): string | undefined
  /** The explanation of an error code; undefined for an unknown code. */
  problem(code: string): string | undefined
  styles: string
}

/** Reads all pages of a directory, and renders each when it is first asked for. */
export async function readDocumentation(directory: string): Promise<Documentation> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true })
  const files = entries
    .filter(entry => entry.isFile() && entry.name.endsWith('.md'))
    .map(entry => join(entry.parentPath, entry.name).slice(join(directory, '/').length))
    .toSorted()
  const texts = new Map<string, string>()
  for (const file of files) texts.set(file, await readFile(join(directory, file), 'utf8'))
  const isPage = (path: string) => texts.has(path)
  const navigation = [...texts].map(([file, text]) => ({ file, title: titleOf(text) ?? file }))
  const rendered = new Map<string, string>()
  return {
    styles: await readFile(new URL('style.css', import.meta.url), 'utf8'),
    page(path) {
      const file = [`${path}.md`, join(path, 'README.md')].find(isPage)
      const text = file === undefined ? undefined : texts.get(file)
      if (file === undefined || text === undefined) return undefined
      const html =
        rendered.get(file) ?? pageFrame(titleOf(text) ?? file, renderMarkdown(text, file, isPage), navigation, file)
      rendered.set(file, html)
      return html
    },
    problem(code) {
      const known = Object.entries(errorCatalogue).find(([name]) => name === code)
      if (!known) return undefined
      const [name, { status, title, help }] = known
      const text = `# ${title}\n\n\`${name}\`, status ${status}\n\n${help}\n\n[All errors](errors.md)\n`
      return pageFrame(escapeHtml(name), renderMarkdown(text, 'reference/problem.md', isPage), navigation)
    },
  }
}
