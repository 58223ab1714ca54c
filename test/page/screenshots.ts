import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { projectRoot, spawnServer, temporaryDirectory } from '../support/server.ts'
import { openTab, settled, startBrowser } from './browser.ts'
import { blobOf, fillServer } from './filled-server.ts'

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
  const { client, models, comparison, dataset } = await fillServer(server.url)
  const test = await client.createDataset({ file: await blobOf('examples/digits/test.npz'), name: 'test' })
  const search = await client.wait(
    await client.createSearch({
      models: models.map(id => ({ id })),
      strategy: { type: 'exhaustive' },
      selection: { dataset, metric: 'accuracy' },
      test: { dataset: test.id },
      name: 'best',
    }),
  )
  const wide = { width: 1200, height: 780 }
  const [first = '', second = ''] = models
  const pictures = [
    { name: 'models', path: '/page/models', select: ['ft0', 'ft1'], options: { viewport: wide } },
    {
      name: 'soup',
      path: `/page/soup?model=${first}&model=${second}`,
      options: { viewport: wide, colorScheme: 'dark' },
    },
    {
      name: 'search',
      path: `/page/jobs/${search.id}`,
      options: { viewport: { width: 1200, height: 1260 } },
      charts: true,
    },
    { name: 'tensor', path: `/page/models/${first}?tensor=conv2.weight`, options: { viewport: wide }, charts: true },
    {
      name: 'comparison',
      path: `/page/jobs/${comparison}`,
      options: { viewport: { width: 380, height: 1100 } },
      charts: true,
    },
  ] as const
  for (const picture of pictures) {
    const { page, close } = await openTab(browser, server.url, picture.path, picture.options)
    await settled(page)
    if ('select' in picture)
      for (const name of picture.select) await page.getByRole('checkbox', { name: `Select ${name}` }).click()
    if ('charts' in picture) {
      await page.locator('.chart canvas').first().waitFor()
      // The bars have grown.
      await page.waitForTimeout(1000)
    }
    if (picture.name === 'tensor')
      await page
        .getByRole('region', { name: 'Tensor' })
        .first()
        .evaluate(element => element.scrollIntoView())
    else await page.evaluate('scrollTo(0, 0)')
    await page.screenshot({ path: join(images, `page-${picture.name}.png`) })
    await close()
  }
} finally {
  await browser.close()
  server.process.kill()
  await server.exited
  await directory.remove()
}
