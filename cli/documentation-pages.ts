import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { UsageMistake } from './mistakes.ts'

/** A page of the documentation. `topic`: its path, such as guides/recipes; `text`: Markdown. */
export type DocumentationPage = { topic: string; title: string; text: string }

/** The chapters that users read. */
const chapters = ['tutorials', 'guides', 'concepts', 'reference', 'operations'] as const

const directory = fileURLToPath(new URL('../docs/', import.meta.url))

/** Reads all pages, chapter by chapter. */
export async function readPages(): Promise<DocumentationPage[]> {
  const pages: DocumentationPage[] = []
  for (const chapter of chapters)
    for (const file of (await readdir(join(directory, chapter))).toSorted()) {
      if (!file.endsWith('.md')) continue
      const text = await readFile(join(directory, chapter, file), 'utf8')
      const topic = `${chapter}/${file.slice(0, -3)}`
      pages.push({ topic, title: /^# (.+)$/m.exec(text)?.[1]?.replaceAll('`', '') ?? topic, text })
    }
  return pages
}

/** Returns the page of a topic: its path, or the last part of the path if no other page has it. @throws UsageMistake if there is none */
export function findPage(pages: readonly DocumentationPage[], topic: string): DocumentationPage {
  const wanted = topic.toLowerCase().replace(/\.md$/, '').replaceAll(' ', '-')
  const found = pages.filter(page => page.topic === wanted || page.topic.endsWith(`/${wanted}`))
  const [page] = found
  if (page && found.length === 1) return page
  if (page)
    throw new UsageMistake(
      `${found.length} pages are called ${topic}: ${found.map(each => each.topic).join(' and ')}. Name one of them so.`,
    )
  const near = pages.filter(each => wanted.length > 2 && each.topic.includes(wanted)).map(each => each.topic)
  throw new UsageMistake(
    `There is no page ${topic}. ${near.length > 0 ? `Did you mean ${near.join(' or ')}?` : 'tureen help lists all.'}`,
  )
}
