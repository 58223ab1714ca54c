import { rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startApp, temporaryDirectory } from '../support/server.ts'
import { until } from '../support/store-client.ts'

const secrets = { first: 'first-0123456789abcdef', second: 'second-0123456789abcdef', third: 'third-0123456789abcdef' }

const logs: string[] = []
let server: Awaited<ReturnType<typeof startApp>>
let directory: Awaited<ReturnType<typeof temporaryDirectory>>
let file: string
beforeAll(async () => {
  directory = await temporaryDirectory()
  file = join(directory.path, 'tokens')
  await writeFile(file, `a:read:${secrets.first}\n`)
  server = await startApp({ TUREEN_TOKENS_FILE: file, TUREEN_LOG_LEVEL: 'info' }, undefined, logs)
})
afterAll(async () => {
  await server.close()
  await directory.remove()
})

async function statusWith(secret: string): Promise<number> {
  const response = await fetch(`${server.url}/v1/models`, { headers: { authorization: `Bearer ${secret}` } })
  await response.arrayBuffer()
  return response.status
}

const errors = () => logs.filter(line => line.includes('"level":50'))

test('a changed token file is valid without a restart: new tokens are taken, those left out are not', async () => {
  expect(await statusWith(secrets.first)).toBe(200)
  await writeFile(file, `b:read:${secrets.second}\n`)
  await until('the second token is taken', async () => (await statusWith(secrets.second)) === 200)
  expect(await statusWith(secrets.first)).toBe(401)
})

test('a file put in its place by rename is read, as a mounted secret is changed', async () => {
  await writeFile(`${file}.new`, `c:read:${secrets.third}\n`)
  await rename(`${file}.new`, file)
  await until('the third token is taken', async () => (await statusWith(secrets.third)) === 200)
})

test.each([
  ['with a mistake', async () => writeFile(file, `d:root:${secrets.first}\n`), /entry 1/],
  ['that is empty', async () => writeFile(file, ''), /no token/],
  ['that is gone', async () => rm(file), /ENOENT/],
])(
  'a file %s leaves the tokens of before valid and is logged once, without a part of it',
  async (_, damage, reason) => {
    const before = errors().length
    await damage()
    await until('the broken file is logged', () => errors().length > before)
    expect(await statusWith(secrets.third)).toBe(200)
    expect(await statusWith(secrets.first)).toBe(401)
    await new Promise(resolve => setTimeout(resolve, 2500))
    expect(errors()).toHaveLength(before + 1)
    expect(JSON.parse(errors().at(-1) ?? '')).toMatchObject({ reason: expect.stringMatching(reason), tokens: ['c'] })
    for (const secret of Object.values(secrets)) expect(logs.join()).not.toContain(secret)
  },
)

test('a file that is corrected is taken', async () => {
  await writeFile(file, `a:read:${secrets.first}\n`)
  await until('the first token is taken again', async () => (await statusWith(secrets.first)) === 200)
  expect(await statusWith(secrets.third)).toBe(401)
})
