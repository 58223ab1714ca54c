import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { projectRoot, spawnServer, temporaryDirectory } from '../support/server.ts'
import { openTab, settled, startBrowser } from './browser.ts'
import { fillServer } from './filled-server.ts'

/**
 * npm run build:screenshots
 *
 * Writes the pictures of the page that the documentation shows to `docs/images/`, from a server with the digits. Look at each of them.
 */
const directory = await temporaryDirectory()
const server = await spawnServer(directory.path)
const browser = await startBrowser()
const images = join(projectRoot, 'docs/images')
try {
  await mkdir(images, { recursive: true })
  const { models, comparison } = await fillServer(server.url)
  const wide = { width: 1200, height: 780 }
  const [first = '', second = ''] = models
  const pictures = [
    { name: 'models', path: '/page/models', select: ['ft0', 'ft1'], options: { viewport: wide } },
    {
      name: 'soup',
      path: `/page/soup?model=${first}&model=${second}`,
      options: { viewport: wide, colorScheme: 'dark' },
    },
    { name: 'comparison', path: `/page/jobs/${comparison}`, options: { viewport: { width: 380, height: 760 } } },
  ] as const
  for (const picture of pictures) {
    const { page, close } = await openTab(browser, server.url, picture.path, picture.options)
    await settled(page)
    if ('select' in picture)
      for (const name of picture.select) await page.getByRole('checkbox', { name: `Select ${name}` }).click()
    await page.evaluate('scrollTo(0, 0)')
    await page.screenshot({ path: join(images, `page-${picture.name}.png`) })
    await close()
  }
} finally {
  await browser.close()
  server.process.kill()
  await server.exited
  await directory.remove()
}
