import { execFile } from 'node:child_process'
import { readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { promisify } from 'node:util'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { json, readProblem, uploadModel } from '../support/http-client.ts'
import { linearModel } from '../support/onnx-model.ts'
import { projectFile, projectRoot, startApp, temporaryDirectory } from '../support/server.ts'

/** What operators do by the pages of docs/operations: their own commands, in directories of the test's. */
let root: Awaited<ReturnType<typeof temporaryDirectory>>
let data: string
let app: Awaited<ReturnType<typeof startApp>> | undefined
beforeEach(async () => {
  root = await temporaryDirectory()
  data = join(root.path, 'data')
})
afterEach(async () => {
  await stop()
  await root.remove()
})

async function start(): Promise<string> {
  app = await startApp({ TUREEN_DATA: data })
  return app.url
}

async function stop(): Promise<void> {
  await app?.close()
  app = undefined
}

/** Runs the commands below one heading of a page. @returns what they printed, and the exit code of the first that failed */
async function follow(page: string, heading: string): Promise<{ stdout: string; code: number }> {
  const text = String(await projectFile(`docs/operations/${page}.md`))
  const [, after] = text.split(new RegExp(`^#+ ${heading}\n`, 'm'))
  const section = after?.split(/^#/m)[0] ?? ''
  const commands = [...section.matchAll(/^```sh not-run\n([\s\S]*?)^```$/gm)].map(([, block]) => block).join('')
  expect(commands, `commands below ${heading} of ${page}`).not.toBe('')
  const here = commands
    .replaceAll('/backups/tureen-2026-11-29', join(root.path, 'backup'))
    .replaceAll('/srv/tureen', root.path)
    .replaceAll(' USER ', ` ${process.getuid?.()} `)
  const env = { ...process.env, TUREEN_DATA: data }
  const shell = promisify(execFile)('bash', ['-euo', 'pipefail', '-c', here], { cwd: projectRoot, env })
  return shell.then(
    ({ stdout }) => ({ stdout, code: 0 }),
    ({ stdout, code }: { stdout: string; code: number }) => ({ stdout, code }),
  )
}

const a = linearModel([1, 2], [3, 4])
const b = linearModel([5, 6], [7, 8])
const upload = (url: string, model: Uint8Array<ArrayBuffer>, name: string) => uploadModel(url, model, `name=${name}`)
const names = async (url: string) =>
  (await json<{ items: { name: string | null }[] }>(await fetch(`${url}/v1/models`))).items.map(({ name }) => name)

test('a backup of a running server is checked, and restored', async () => {
  const url = await start()
  const { id } = await upload(url, a, 'a')
  const made = await follow('backup-and-restore', 'Make a backup')
  expect(made).toEqual({ stdout: expect.stringContaining(' 0 findings.'), code: 0 })
  expect((await fetch(`${url}/v1/models/${id}`, { method: 'DELETE' })).status).toBe(204)
  await upload(url, b, 'b')
  const checked = await follow('backup-and-restore', 'Check a backup')
  expect(checked).toEqual({ stdout: expect.stringContaining('nothing is wrong.'), code: 0 })
  await stop()
  expect((await follow('backup-and-restore', 'Restore')).code).toBe(0)
  const restored = await start()
  expect(await names(restored)).toEqual(['a'])
  const content = await fetch(`${restored}/v1/models/${id}/content`)
  expect(Buffer.from(await content.arrayBuffer()).equals(a)).toBe(true)
})

const catalog = () => join(data, 'catalog.sqlite')

test('the catalog of a backup takes the place of a damaged one, and later models come back from quarantine', async () => {
  const url = await start()
  await upload(url, a, 'a')
  await follow('backup-and-restore', 'Make a backup')
  const later = await upload(url, b, 'b')
  await stop()
  await truncate(catalog(), 5000)
  await expect(start()).rejects.toThrow('catalog.sqlite')
  expect((await follow('damaged-catalog', 'Restore the catalog of a backup')).code).toBe(0)
  expect(await names(await start())).toEqual([later.sha256, 'a'])
})

test('without a backup, the models of a damaged catalog are models again', async () => {
  const url = await start()
  const { sha256 } = await upload(url, a, 'a')
  await stop()
  await writeFile(catalog(), 'no catalog')
  for (const more of ['-wal', '-shm']) await rm(`${catalog()}${more}`, { force: true })
  await expect(start()).rejects.toThrow('catalog.sqlite')
  const saved = await follow('damaged-catalog', 'Save what can be read')
  expect(saved).toEqual({ stdout: expect.stringContaining('nothing is wrong.'), code: 0 })
  const { items } = await json<{ items: { sha256: string }[] }>(await fetch(`${await start()}/v1/models`))
  expect(items.map(item => item.sha256)).toEqual([sha256])
})

test('parts of a volume from different moments are told apart, and mended by uploads', async () => {
  const url = await start()
  const { id, sha256 } = await upload(url, a, 'a')
  await stop()
  const digest = sha256.replace('sha256:', '')
  const content = join(data, 'content', digest.slice(0, 2), digest)
  expect((await readFile(content)).equals(a)).toBe(true)
  await rm(content)
  const found = await follow('data-directory', 'A volume that was restored from a snapshot')
  expect(found.code).toBe(1)
  expect(found.stdout).toMatch(/^content\/.* is missing; it belongs to /m)
  const again = await start()
  await readProblem(await fetch(`${again}/v1/models/${id}/content`), 500, 'TUREEN_CONTENT_DAMAGED')
  await upload(again, a, 'a')
  expect((await fetch(`${again}/v1/models/${id}/content`)).status).toBe(200)
})

test('a version is rolled back to the backup from before the upgrade', async () => {
  const url = await start()
  await upload(url, a, 'a')
  await follow('backup-and-restore', 'Make a backup')
  await stop()
  const newer = new DatabaseSync(catalog())
  newer.exec("insert into kysely_migration values ('9999-of-a-newer-version', '2027-01-01T00:00:00.000Z')")
  newer.close()
  const before = await readdir(data)
  await expect(start()).rejects.toThrow('newer version')
  expect(await readdir(data)).toEqual(before)
  expect((await follow('upgrade-and-rollback', 'Rollback')).code).toBe(0)
  expect(await names(await start())).toEqual(['a'])
})
