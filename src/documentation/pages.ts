import { readdir, readFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { errorCatalogue } from '../error-catalogue.ts'
import { type FixedContent, fixedContent, textTag } from '../http/fixed-content.ts'
import { pageFrame } from './page-frame.ts'
import { renderMarkdown, titleOf } from './render-markdown.ts'

/** The documentation as HTML pages. */
export type Documentation = {
  /**
   * Returns a page, or an image of pages; undefined if there is neither.
   * @param path the path below /docs/, such as `operations/full-disk`, or `images/page-models.png`; empty for the first page
   */
  page(path: string): FixedContent | undefined
  /** Returns the page that explains an error code; undefined for an unknown code. */
  problem(code: string): FixedContent | undefined
  styles: FixedContent
}

/** The page that lists all error codes. Links in an explanation are relative to it. */
const errorsFile = 'reference/errors.md'

/** Reads all pages and images of a directory. It renders a page at the first request for it. @param publicPath the prefix of all links */
export async function readDocumentation(directory: string, publicPath: string): Promise<Documentation> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true })
  const files = entries
    .filter(entry => entry.isFile() && entry.name.endsWith('.md'))
    .map(entry => relative(directory, join(entry.parentPath, entry.name)))
    .toSorted()
  const texts = new Map<string, string>()
  for (const file of files) texts.set(file, await readFile(join(directory, file), 'utf8'))
  const images = new Map<string, FixedContent>()
  for (const entry of entries.filter(({ name }) => name.endsWith('.png'))) {
    const path = join(entry.parentPath, entry.name)
    const bytes = await readFile(path)
    images.set(relative(directory, path), { bytes, type: 'image/png', tag: textTag(bytes) })
  }
  const isPage = (path: string) => texts.has(path)
  const navigation = [...texts].map(([file, text]) => ({ file, title: titleOf(text) ?? file }))
  const rendered = new Map<string, FixedContent>()
  const render = (key: string, html: () => string) => {
    const content = rendered.get(key) ?? fixedContent(html(), 'text/html; charset=utf-8')
    rendered.set(key, content)
    return content
  }
  return {
    styles: fixedContent(await readFile(new URL('style.css', import.meta.url), 'utf8'), 'text/css; charset=utf-8'),
    page(path) {
      const image = images.get(path)
      if (image !== undefined) return image
      const file = [`${path}.md`, join(path, 'README.md')].find(isPage)
      const text = file === undefined ? undefined : texts.get(file)
      if (file === undefined || text === undefined) return undefined
      return render(file, () =>
        pageFrame(
          titleOf(text) ?? file,
          renderMarkdown(text, { file, isPage, publicPath }),
          navigation,
          publicPath,
          file,
        ),
      )
    },
    problem(code) {
      const known = Object.entries(errorCatalogue).find(([name]) => name === code)
      if (!known) return undefined
      const [name, { status, title, help }] = known
      const text = `# ${title}\n\n\`${name}\`, status ${status}\n\n${help}\n\n[All errors](errors.md)\n`
      return render(name, () =>
        pageFrame(name, renderMarkdown(text, { file: errorsFile, isPage, publicPath }), navigation, publicPath),
      )
    },
  }
}
