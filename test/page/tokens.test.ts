import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createClient, type TureenClient } from '../../client/index.ts'
import { projectFile, startApp, temporaryDirectory } from '../support/server.ts'
import { until } from '../support/store-client.ts'
import { expectAccessible, openTab, startBrowser } from './browser.ts'
import { uploadDigits } from './filled-server.ts'

const secrets = {
  reader: 'reader-0123456789abcdef',
  writer: 'writer-0123456789abcdef',
  next: 'next-0123456789abcdef',
  scorer: 'scorer-0123456789abcdef',
}
const lines = {
  reader: `reader:read:${secrets.reader}`,
  writer: `writer:write:${secrets.writer}`,
  next: `next:read:${secrets.next}`,
  scorer: `scorer:score:${secrets.scorer}`,
}

let app: Awaited<ReturnType<typeof startApp>>
let directory: Awaited<ReturnType<typeof temporaryDirectory>>
let file: string
let browser: Browser
let client: TureenClient
let models: string[]
beforeAll(async () => {
  directory = await temporaryDirectory()
  file = join(directory.path, 'tokens')
  await writeFile(file, Object.values(lines).join('\n'))
  app = await startApp({ TUREEN_TOKENS_FILE: file })
  client = createClient({ url: app.url, token: secrets.writer })
  models = await uploadDigits(client, 0, 1)
  browser = await startBrowser()
})
afterAll(async () => {
  await browser.close()
  await app.close()
  await directory.remove()
})

/** Opens the page, and enters a token. */
async function openWith(secret: string, path: string) {
  const tab = await openTab(browser, app.url, path)
  await tab.page.getByLabel('Token').fill(secret)
  await tab.page.getByRole('button', { name: 'Use this token' }).click()
  return tab
}

test('the page asks for a token, keeps it in the session alone, and forgets it', async () => {
  const tab = await openTab(browser, app.url, '/page/models')
  const { page } = tab
  await page.getByText('The server asks for a token.').waitFor()
  await expectAccessible(page, 'the form for a token')
  await page.getByLabel('Token').fill('wrong-0123456789abcdef')
  await page.getByLabel('Token').press('Enter')
  await page.getByText('The server does not take this token').waitFor()
  await page.getByLabel('Token').fill(secrets.writer)
  await page.getByLabel('Token').press('Enter')
  await page.getByRole('link', { name: 'ft0' }).waitFor()
  await page.getByText('Token writer, scope write').waitFor()
  const kept = await page.evaluate(
    'JSON.stringify([Object.values(sessionStorage), Object.values(localStorage), document.cookie])',
  )
  expect(kept).toBe(JSON.stringify([[secrets.writer], [], '']))
  await page.reload()
  await page.getByRole('link', { name: 'ft0' }).waitFor()
  await page.getByText('The same as: commands for this list').click()
  const command = await page.locator('.same-as pre').first().textContent()
  expect(command).toContain('-H "authorization: Bearer $TUREEN_TOKEN"')
  expect(await page.content()).not.toContain(secrets.writer)
  await page.getByRole('button', { name: 'Forget it' }).click()
  await page.getByText('The server asks for a token.').waitFor()
  expect(await page.evaluate('sessionStorage.length')).toBe(0)
  expect(tab.faults(/401/)).toEqual([])
  await tab.close()
})

test('a token of scope read sees everything, and is offered no change', async () => {
  const tab = await openWith(secrets.reader, '/page/models')
  const { page } = tab
  await page.getByText('Token reader, scope read').waitFor()
  await page.getByRole('checkbox', { name: 'Select ft0' }).click()
  expect(await page.getByText('Upload models').count()).toBe(0)
  expect(await page.getByRole('button', { name: 'Delete' }).count()).toBe(0)
  await page.getByRole('link', { name: 'ft0' }).click()
  await page.getByRole('heading', { name: 'Tensors' }).waitFor()
  expect(await page.getByRole('button', { name: /Delete/ }).count()).toBe(0)
  await expectAccessible(page, 'a model for a reader')
  expect(tab.faults(/401/)).toEqual([])
  await tab.close()
})

test('a token of scope score is told what it lacks', async () => {
  const tab = await openWith(secrets.scorer, '/page/models')
  await tab.page
    .getByText(/has the scope score; the request needs read/)
    .first()
    .waitFor()
  expect(tab.faults(/40[13]/)).toEqual([])
  await tab.close()
})

test('with a token the page downloads by itself, and says which command downloads a larger file', async () => {
  const tab = await openWith(secrets.reader, '/page/models')
  const { page } = tab
  await page.getByRole('link', { name: 'ft1' }).click()
  const saving = page.waitForEvent('download')
  await page.getByRole('button', { name: /^Download ft1.onnx/ }).click()
  const download = await saving
  expect(download.suggestedFilename()).toBe('ft1.onnx')
  expect(await readFile(await download.path())).toEqual(await projectFile('examples/digits/ft1.onnx'))
  // The record says that the file has 501 MB, which no test uploads.
  await page.route(`**/v1/models/${models[0]}`, async route => {
    const response = await route.fetch()
    const record = await response.json()
    await route.fulfill({ response, json: { ...record, files: [{ ...record.files[0], bytes: 501e6 }] } })
  })
  await page.goto(`${app.url}/page/models/${models[0]}`)
  await page.getByText('With a token, the page downloads at most 500 MB.').waitFor()
  expect(await page.locator('details[open] pre').first().textContent()).toMatch(
    /curl .*Bearer \$TUREEN_TOKEN.* -o ft0.onnx .*\/content$/,
  )
  expect(tab.faults(/401/)).toEqual([])
  await tab.close()
})

test('a token that expires is asked for again where the user is', async () => {
  const tab = await openWith(secrets.reader, `/page/models/${models[0]}`)
  const { page } = tab
  await page.getByRole('heading', { name: 'Tensors' }).waitFor()
  await writeFile(file, [lines.writer, lines.next].join('\n'))
  await until(
    'the token has expired',
    async () =>
      (await fetch(`${app.url}/v1/usage`, { headers: { authorization: `Bearer ${secrets.reader}` } })).status === 401,
  )
  await page.getByRole('link', { name: 'Jobs' }).click()
  await page.getByText('The server does not take this token, or no longer.').waitFor()
  await page.getByLabel('Token').fill(secrets.next)
  await page.getByRole('button', { name: 'Use this token' }).click()
  await page.getByRole('heading', { name: 'Jobs' }).waitFor()
  await page.getByText('Token next, scope read').waitFor()
  expect(tab.faults(/401/)).toEqual([])
  await tab.close()
})
