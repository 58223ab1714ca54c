import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import { expect } from 'vitest'

const axeFile = createRequire(import.meta.url).resolve('axe-core/axe.min.js')
const axe = await readFile(axeFile, 'utf8')

/** Starts Debian's Chromium. As root it has no sandbox of its own. */
export function startBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium',
    args: process.getuid?.() === 0 ? ['--no-sandbox'] : [],
  })
}

/** A tab that remembers what must not happen. */
export type Tab = {
  page: Page
  /** Errors in the console, errors of scripts, reports of the policy, and requests to other hosts. Failed requests that match `expected` are left out. */
  faults(expected?: RegExp): string[]
  close(): Promise<void>
}

/** Opens a page of a server in a new tab with storage of its own. @param url the URL of the server @param path such as `/page/models` */
export async function openTab(
  browser: Browser,
  url: string,
  path: string,
  options: BrowserContextOptions = {},
): Promise<Tab> {
  const context = await browser.newContext({ viewport: { width: 1200, height: 900 }, locale: 'en-GB', ...options })
  context.setDefaultTimeout(60_000)
  const page = await context.newPage()
  const found: string[] = []
  page.on('console', message => {
    // Chromium writes reports of the policy, and failed requests, as errors.
    if (message.type() === 'error') found.push(`${message.text()} ${message.location().url}`)
  })
  page.on('pageerror', error => found.push(`uncaught: ${error.stack ?? error.message}`))
  const { origin } = new URL(url)
  page.on('request', request => {
    if (/^https?:/.test(request.url()) && new URL(request.url()).origin !== origin)
      found.push(`request to another host: ${request.url()}`)
  })
  await page.goto(url + path)
  await page.locator('h1').first().waitFor()
  return {
    page,
    faults: expected => found.filter(fault => !(expected?.test(fault) && fault.startsWith('Failed to load resource'))),
    close: () => context.close(),
  }
}

/** Expects that axe-core finds nothing on the page as it is now. */
export async function expectAccessible(page: Page, what: string): Promise<void> {
  await page.evaluate(axe)
  const violations: { id: string; help: string; nodes: { target: string[]; html: string }[] }[] = await page.evaluate(
    'axe.run().then(({ violations }) => violations.map(({ id, help, nodes }) => ({ id, help, nodes: nodes.map(({ target, html }) => ({ target, html })) })))',
  )
  expect(violations, what).toEqual([])
}

/** Waits until nothing is being loaded. */
export async function settled(page: Page): Promise<void> {
  // A view may load several things; the first one that is left counts.
  await page
    .getByText(/^Loading the /)
    .first()
    .waitFor({ state: 'detached' })
}
