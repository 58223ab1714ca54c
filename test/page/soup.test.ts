import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createClient, type TureenClient } from '../../client/index.ts'
import { readDigits } from '../support/digits.ts'
import { externalModel } from '../support/external-model.ts'
import { digits, initializerDigests } from '../support/http-client.ts'
import { projectFile, startApp } from '../support/server.ts'
import { expectAccessible, openTab, startBrowser, type Tab } from './browser.ts'
import { uploadDigits } from './filled-server.ts'

let app: Awaited<ReturnType<typeof startApp>>
let browser: Browser
let client: TureenClient
let tab: Tab
beforeAll(async () => {
  app = await startApp()
  client = createClient({ url: app.url })
  browser = await startBrowser()
})
afterAll(async () => {
  await browser.close()
  await app.close()
})
beforeEach(async () => {
  for (const { id } of (await client.listModels({ limit: 500 })).items) await client.deleteModel(id)
  tab = await openTab(browser, app.url, '/page/models')
  return () => tab.close()
})

/** Drops files on the page, as a user drags them from a folder. */
async function drop(page: Page, files: readonly { name: string; bytes: Buffer }[]): Promise<void> {
  const described = files.map(({ name, bytes }) => ({ name, base64: bytes.toString('base64') }))
  const transfer = await page.evaluateHandle(`(() => {
    const transfer = new DataTransfer()
    for (const { name, base64 } of ${JSON.stringify(described)})
      transfer.items.add(new File([Uint8Array.from(atob(base64), each => each.charCodeAt(0))], name))
    return transfer
  })()`)
  await page.getByRole('region', { name: 'Upload', exact: true }).dispatchEvent('drop', { dataTransfer: transfer })
}

const uploadsList = (page: Page) => page.getByRole('region', { name: 'Uploads' })

test('three files become a soup with a mouse, and the soup is that of NumPy', async () => {
  const { expected } = await readDigits()
  const { page } = tab
  const files = await Promise.all(
    digits(0, 1, 2).map(async path => ({ name: path.split('/').at(-1) ?? '', bytes: await projectFile(path) })),
  )
  await drop(page, files)
  await uploadsList(page).getByText('stored').nth(2).waitFor()
  for (const name of ['ft0', 'ft1']) await page.getByRole('checkbox', { name: `Select ${name}` }).click()
  await expectAccessible(page, 'models with uploads and a selection')
  await page.getByRole('link', { name: 'Make a soup' }).click()
  await page.getByRole('spinbutton', { name: 'ft0' }).fill('2')
  await page.getByRole('spinbutton', { name: 'ft1' }).fill('3')
  await page.getByLabel('Name of the soup').fill('two_three')
  await page.getByRole('button', { name: 'Make the soup' }).click()
  await page.getByText('succeeded').waitFor()
  await page.getByRole('link', { name: 'two_three' }).click()
  await page.getByText('Merge method').waitFor()
  const saving = page.waitForEvent('download')
  await page.getByRole('link', { name: /^Download two_three.onnx/ }).click()
  const saved = await (await saving).path()
  expect(initializerDigests(await readFile(saved))).toEqual(expected.two_three.tensors)
  expect(tab.faults()).toEqual([])
})

test('the command beside the form makes the same soup', async () => {
  const { page } = tab
  const [first, second] = await uploadDigits(client, 0, 1)
  await page.goto(`${app.url}/page/soup?model=${first}&model=${second}`)
  await page.getByRole('spinbutton', { name: 'ft1' }).fill('0.25')
  await page.getByLabel('Name of the soup').fill("it's mine")
  await page.getByText('The same as: commands for this soup').click()
  const [curl = ''] = await page.locator('.same-as pre').allTextContents()
  const { stdout } = await promisify(execFile)('sh', ['-c', curl])
  const job = JSON.parse(stdout)
  expect(job).toMatchObject({
    status: 'succeeded',
    request: {
      name: "it's mine",
      models: [
        { id: first, weight: 1 },
        { id: second, weight: 0.25 },
      ],
    },
  })
  await page.getByRole('button', { name: 'Make the soup' }).click()
  await page.getByText('succeeded').waitFor()
  const [other] = (await client.listJobs({ limit: 1 })).items
  const { result } = await client.wait({ id: other?.id ?? '', type: 'merge' })
  expect(result?.model.sha256).toBe(job.result.model.sha256)
})

test('a method that needs a base leaves it out of the merged models, and takes its parameters', async () => {
  const { page } = tab
  const ids = await uploadDigits(client, 0, 1, 2)
  await page.goto(`${app.url}/page/soup?${ids.map(id => `model=${id}`).join('&')}`)
  await page.getByLabel('Merge method').selectOption('ties')
  await page.getByLabel('Base').selectOption('ft0')
  await page.getByLabel('density').fill('0.5')
  await page.getByLabel('trim').selectOption('global')
  await expectAccessible(page, 'the form of ties')
  await page.getByRole('button', { name: 'Make the soup' }).click()
  await page.getByText('succeeded').waitFor()
  const [job] = (await client.listJobs({ limit: 1 })).items
  const { request } = await client.wait({ id: job?.id ?? '', type: 'merge' })
  expect(request).toMatchObject({
    method: 'ties',
    base: ids[0],
    models: [{ id: ids[1] }, { id: ids[2] }],
    parameters: { density: 0.5, trim: 'global' },
  })
})

test('external data that is dropped with its model goes to the places that the model names', async () => {
  const { page } = tab
  const { main, data } = externalModel([1, 2, 3, 4], [5, 6])
  const parts = Object.entries(data).map(([location, bytes]) => ({
    name: location.split('/').at(-1) ?? '',
    bytes: Buffer.from(bytes),
  }))
  await drop(page, [...parts, { name: 'external.onnx', bytes: Buffer.from(main) }])
  await uploadsList(page).getByText('stored').nth(2).waitFor()
  const [model] = (await client.listModels({ name: 'external' })).items
  expect(model).toMatchObject({ status: 'complete', missing: [] })
  expect(tab.faults()).toEqual([])
})

test('external data that is missing is named, and can be chosen later', async () => {
  const { page } = tab
  const { main, data } = externalModel([1, 2, 3, 4], [5, 6])
  const { id } = await client.createModel({ file: main, name: 'late' })
  await page.goto(`${app.url}/page/models/${id}`)
  await page.getByText('The model is incomplete.').waitFor()
  await expectAccessible(page, 'an incomplete model')
  for (const [location, bytes] of Object.entries(data)) {
    await page
      .getByLabel(`Upload ${location}`)
      .setInputFiles({ name: 'any.bin', mimeType: 'application/octet-stream', buffer: Buffer.from(bytes) })
    await page.getByLabel(`Upload ${location}`).waitFor({ state: 'detached' })
  }
  expect(await client.getModel(id)).toMatchObject({ status: 'complete', missing: [] })
})

test('an upload tells how far it is, and can be cancelled; a file that is no model is refused in words', async () => {
  const { page } = tab
  const network = await page.context().newCDPSession(page)
  await network.send('Network.emulateNetworkConditions', {
    offline: false,
    latency: 0,
    downloadThroughput: -1,
    uploadThroughput: 20_000,
  })
  await drop(page, [{ name: 'ft0.onnx', bytes: await projectFile('examples/digits/ft0.onnx') }])
  await uploadsList(page)
    .getByText(/kB of 159 kB, .* per second/)
    .waitFor()
  await page.getByRole('button', { name: 'Cancel the upload of ft0.onnx' }).click()
  await uploadsList(page).getByText('cancelled').waitFor()
  await network.send('Network.emulateNetworkConditions', {
    offline: false,
    latency: 0,
    downloadThroughput: -1,
    uploadThroughput: -1,
  })
  await drop(page, [
    { name: 'wrong.onnx', bytes: Buffer.from('this is a text') },
    { name: 'notes.txt', bytes: Buffer.from('a') },
  ])
  await uploadsList(page)
    .getByText(/^TUREEN_/)
    .waitFor()
  await uploadsList(page)
    .getByText(/notes.txt is neither a model/)
    .waitFor()
  await expectAccessible(page, 'refused uploads')
  expect((await client.listModels()).items).toEqual([])
  expect(tab.faults(/4(00|15|22)/)).toEqual([])
})

test('a refused merge says where the networks differ', async () => {
  const { page } = tab
  const [digit] = await uploadDigits(client, 0)
  const { main, data } = externalModel([1, 2, 3, 4], [5, 6])
  const other = await client.createModel({
    file: new Blob([main]),
    data: Object.fromEntries(Object.entries(data)),
    name: 'other',
  })
  await page.goto(`${app.url}/page/soup?model=${digit}&model=${other.id}`)
  await page.getByText('These models are of different families.').waitFor()
  await page.getByRole('button', { name: 'Make the soup' }).click()
  const notice = page.getByRole('alert')
  await notice.waitFor()
  const refused = await client
    .createMerge({ models: [{ id: digit ?? '' }, { id: other.id }] })
    .catch((error: unknown) => error)
  expect(await notice.textContent()).toContain(Object(refused).code)
  expect(await notice.textContent()).toContain(Object(refused).detail)
  await expectAccessible(page, 'a refused merge')
  expect(tab.faults(/409|422/)).toEqual([])
})

test('a deletion asks first', async () => {
  const { page } = tab
  await uploadDigits(client, 0, 1)
  await page.reload()
  await page.getByRole('checkbox', { name: 'Select ft0' }).click()
  await page.getByRole('button', { name: 'Delete' }).click()
  await expectAccessible(page, 'a question')
  await page.getByRole('button', { name: 'Cancel' }).click()
  expect((await client.listModels()).items).toHaveLength(2)
  await page.getByRole('button', { name: 'Delete' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click()
  await page.getByRole('link', { name: 'ft0' }).waitFor({ state: 'detached' })
  expect((await client.listModels()).items.map(({ name }) => name)).toEqual(['ft1'])
  expect(tab.faults()).toEqual([])
})

describe('with the keyboard alone', () => {
  /** Presses Tab until something has the focus. @param what its role and name */
  async function tabTo(page: Page, role: 'link' | 'checkbox' | 'button', name: string | RegExp): Promise<void> {
    const wanted = page.getByRole(role, { name }).first()
    for (let presses = 0; presses < 60; presses += 1) {
      if (await wanted.evaluate(element => element === element.ownerDocument.activeElement)) return
      await page.keyboard.press('Tab')
    }
    throw new Error(`Tab does not reach the ${role} ${name}`)
  }

  test('two models become a soup, and the focus follows the views', async () => {
    const { page } = tab
    await uploadDigits(client, 0, 1)
    await page.reload()
    await page.getByRole('checkbox').first().waitFor()
    for (const name of ['Select ft1', 'Select ft0']) {
      await tabTo(page, 'checkbox', name)
      await page.keyboard.press('Space')
    }
    await tabTo(page, 'link', 'Make a soup')
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'Make a soup' }).waitFor()
    await tabTo(page, 'button', 'Make the soup')
    await page.keyboard.press('Enter')
    await page.getByText('succeeded').waitFor()
    const focused = await page.evaluate('document.activeElement.tagName')
    expect(focused).toBe('H1')
    await tabTo(page, 'button', 'Delete this record')
    await page.keyboard.press('Enter')
    await page.getByRole('dialog').waitFor()
    await page.keyboard.press('Escape')
    await page.getByRole('dialog').waitFor({ state: 'detached' })
    expect(tab.faults()).toEqual([])
  })
})
