import { readdir } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path/posix'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { errorCatalogue } from '../../src/error-catalogue.ts'
import { projectFile, projectRoot, startApp } from '../support/server.ts'

let app: Awaited<ReturnType<typeof startApp>>
beforeAll(async () => {
  app = await startApp()
})
afterAll(() => app.close())

/** The Markdown files of docs/, as paths from the root of the project. */
const pages = (await readdir(join(projectRoot, 'docs'), { recursive: true }))
  .filter(name => name.endsWith('.md'))
  .map(name => `docs/${name}`)
const roots = ['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'SECURITY.md']

/** The ids that GitHub gives to headings, and those that are written out. */
function anchorsOf(text: string): string[] {
  const headings = [...text.matchAll(/^#{1,6} (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-'),
  )
  return [...headings, ...[...text.matchAll(/<a id="([^"]+)">/g)].map(([, id = '']) => id)]
}

/** The destinations of links, but for those in code. */
function linksOf(text: string): string[] {
  const prose = text.replaceAll(/```[\s\S]*?```/g, '').replaceAll(/`[^`\n]*`/g, '')
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = '']) => link)
}

test.each([...roots, ...pages])('the links of %s lead to files and headings that exist', async page => {
  const text = String(await projectFile(page))
  const broken: string[] = []
  for (const link of linksOf(text).filter(each => !/^https?:/.test(each))) {
    const [path = '', anchor] = link.split('#')
    const target = path === '' ? page : relative('.', join(dirname(page), path))
    const found = await projectFile(target).then(String, async () => {
      const isFolder = await readdir(join(projectRoot, target)).then(
        () => true,
        () => false,
      )
      return isFolder ? '' : undefined
    })
    if (found === undefined || (anchor !== undefined && !anchorsOf(found).includes(anchor))) broken.push(link)
  }
  expect(broken).toEqual([])
})

test('the first page leads to every other page, by way of others', async () => {
  const reached = new Set<string>()
  const open = ['docs/README.md']
  for (let page = open.pop(); page !== undefined; page = open.pop()) {
    if (reached.has(page) || !pages.includes(page)) continue
    reached.add(page)
    const own = page
    const links = linksOf(String(await projectFile(own))).map(link => link.split('#')[0] ?? '')
    open.push(...links.map(link => relative('.', join(dirname(own), link))))
  }
  expect([...reached].toSorted()).toEqual(pages.toSorted())
})

/** Every link of a served page, as a URL of this server without its fragment; others are left out. */
function ownLinks(html: string, url: string): Set<string> {
  const links = [...html.matchAll(/(?:href|src)="([^"]+)"/g)].map(([, link = '']) => new URL(link, url))
  return new Set(links.filter(({ origin }) => origin === new URL(url).origin).map(({ pathname }) => pathname))
}

describe('the server', () => {
  test('serves every page as HTML that loads nothing from elsewhere and runs no script', async () => {
    const seen = new Set<string>()
    const open = ['/docs/']
    for (let path = open.pop(); path !== undefined; path = open.pop()) {
      if (seen.has(path) || path.startsWith('/docs/api')) continue
      seen.add(path)
      const answer = await fetch(`${app.url}${path}`)
      expect({ path, status: answer.status }).toEqual({ path, status: 200 })
      if (!answer.headers.get('content-type')?.startsWith('text/html')) continue
      const html = await answer.text()
      expect(html).not.toMatch(/<script|<[^>]* (?:on\w+|style)=/)
      expect(html).toMatch(/<h1/)
      expect(answer.headers.get('content-security-policy')).toMatch(/^default-src 'none'; style-src 'self'/)
      open.push(...ownLinks(html, answer.url))
    }
    const served = pages.map(page => `/${page.replace(/(README)?\.md$/, '')}`)
    expect([...seen]).toEqual(expect.arrayContaining(served))
  })

  test('marks the page in its navigation, and keeps Markdown that is code as it is', async () => {
    const html = await (await fetch(`${app.url}/docs/reference/errors`)).text()
    expect(html).toContain('<a href="/docs/reference/errors" aria-current="page">Errors</a>')
    expect(html).toContain('<a id="tureen_not_found">')
  })

  test.each(Object.entries(errorCatalogue))('explains %s where `type` of a problem points', async (code, { title }) => {
    const answer = await fetch(`${app.url}/problems/${code}`)
    expect(answer.status).toBe(200)
    const html = await answer.text()
    expect(html).toContain(code)
    expect(html.replaceAll('&quot;', '"')).toContain(title)
  })

  test('answers a problem whose type leads to its explanation', async () => {
    const { type, code } = Object(await (await fetch(`${app.url}/v1/models/none`)).json())
    expect(type).toBe(`/problems/${code}`)
    expect((await fetch(new URL(type, app.url))).status).toBe(200)
  })

  test.each([
    '/docs/none',
    '/docs/..%2f..%2fpackage.json',
    '/docs/operations',
    '/problems/TUREEN_NONE',
    '/problems/constructor',
  ])('%s is no page', async path => {
    const answer = await fetch(`${app.url}${path}`)
    expect(answer.status).toBe(404)
    expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/)
  })
})
