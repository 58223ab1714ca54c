import { readdirSync, readlinkSync } from 'node:fs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { heavyModel } from '../support/heavy-model.ts'
import { openSocket } from '../support/raw-http.ts'
import { startApp } from '../support/server.ts'
import { getRequest, readSlowly } from '../support/slow-clients.ts'
import { until, upload } from '../support/store-client.ts'

let app: Awaited<ReturnType<typeof startApp>>
beforeAll(async () => {
  app = await startApp()
})
afterAll(() => app.close())

/** Files of content, or local copies of it, that this process has open. */
function contentOpen(): number {
  const links = readdirSync('/proc/self/fd').map(name => {
    try {
      return readlinkSync(`/proc/self/fd/${name}`)
    } catch {
      return ''
    }
  })
  return links.filter(link => ['content', 'cache'].some(folder => link.startsWith(`${app.data}/${folder}/`))).length
}

test.skipIf(process.platform !== 'linux')('requests of one connection hold one file at a time', async () => {
  const { id } = await upload(app.url, heavyModel([4 << 20, 10], 1), 'heavy')
  const reader = await readSlowly(app.url, getRequest(`/v1/models/${id}/content`).repeat(50))
  await until('the first is being sent', () => contentOpen() > 0)
  for (let looks = 0; looks < 20; looks += 1) {
    expect(contentOpen()).toBeLessThanOrEqual(1)
    await new Promise(resolve => setTimeout(resolve, 10))
  }
  reader.stop()
  await until('the file is closed', () => contentOpen() === 0)
})

test('requests of one connection are answered in their order', async () => {
  const socket = await openSocket(app.url)
  let text = ''
  socket.on('data', chunk => {
    text += chunk
  })
  const paths = Array.from({ length: 60 }, (_, index) => (index % 3 === 0 ? '/healthz' : `/v1/models/none-${index}`))
  socket.write(paths.map(path => getRequest(path)).join(''))
  await until('all are answered', () => [...text.matchAll(/HTTP\/1.1 /g)].length === paths.length)
  expect(
    [...text.matchAll(/"ok"|none-\d+/g)].map(([said]) => said).filter((said, index, all) => said !== all[index - 1]),
  ).toEqual(paths.map(path => (path === '/healthz' ? '"ok"' : path.slice('/v1/models/'.length))))
  socket.destroy()
})

test('a connection with too many requests that wait is closed', async () => {
  const reader = await readSlowly(app.url, getRequest('/healthz').repeat(200))
  await reader.closed
})
