import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createClient } from '../../client/index.ts'
import { linearModel } from '../support/onnx-model.ts'
import { startApp } from '../support/server.ts'
import { openTab, settled, startBrowser } from './browser.ts'

const script = '<img src=x onerror="document.title=\'taken\'"><script>document.title="taken"</script>'

let app: Awaited<ReturnType<typeof startApp>>
let browser: Browser
beforeAll(async () => {
  app = await startApp()
  browser = await startBrowser()
})
afterAll(async () => {
  await browser.close()
  await app.close()
})

test('names of models, labels, tensors and values are text, whatever they hold', async () => {
  const client = createClient({ url: app.url })
  const file = linearModel([1], [2], ({ graph }) => {
    const [tensor] = graph?.initializer ?? []
    if (!tensor) throw new Error('the model has no tensor')
    const old = tensor.name
    tensor.name = script
    for (const node of graph?.node ?? []) node.input = (node.input ?? []).map(name => (name === old ? script : name))
  })
  const { id } = await client.createModel({ file, name: script, labels: { stage: script } })
  const refused = await client.createMerge({ models: [{ id }, { id: script }] }).catch((error: unknown) => error)
  expect(Object(refused).code).toBe('TUREEN_NOT_FOUND')
  const tab = await openTab(browser, app.url, '/page/models')
  const { page } = tab
  for (const path of [
    '/page/models',
    `/page/models/${id}`,
    `/page/soup?model=${id}&model=${id}`,
    `/page/models?name=${encodeURIComponent(script)}`,
  ]) {
    await page.goto(app.url + path)
    await page.getByText(script).first().waitFor()
    await settled(page)
    expect(await page.title()).not.toBe('taken')
    expect(await page.locator('img, #page script').count()).toBe(0)
  }
  await page.goto(`${app.url}/page/models/${encodeURIComponent(script)}`)
  await page.getByRole('alert').getByText(script).first().waitFor()
  expect(tab.faults(/404/)).toEqual([])
  await tab.close()
})
