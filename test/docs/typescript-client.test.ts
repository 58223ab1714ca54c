import { execFile } from 'node:child_process'
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createClient } from '../../client/index.ts'
import { sha256 } from '../support/http-client.ts'
import { projectFile, projectRoot, startApp, temporaryDirectory } from '../support/server.ts'

let app: Awaited<ReturnType<typeof startApp>>
beforeAll(async () => {
  app = await startApp()
})
afterAll(() => app.close())

/** The entry points that the page names, as files of the checkout. */
const entries: Record<string, string> = {
  'tureen/client': 'client/index.ts',
  'tureen/client/files': 'client/files.ts',
  'tureen/client/unix-socket': 'client/unix-socket-transport.ts',
}

test('the programs of the page about the client run one after the other, and make a soup', async () => {
  const page = String(await projectFile('docs/guides/typescript-client.md'))
  const blocks = [...page.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map(([, block]) => block)
  const program = blocks
    .join('\n')
    .replaceAll(
      / from '(tureen\/[\w/-]+)'/g,
      (_, name: string) => ` from '${join(projectRoot, entries[name] ?? name)}'`,
    )
  const { path, remove } = await temporaryDirectory()
  await cp(join(projectRoot, 'examples/digits'), path, { recursive: true, filter: file => !file.endsWith('/out') })
  await mkdir(join(path, 'out'))
  await writeFile(join(path, 'program.ts'), program)
  const run = promisify(execFile)(process.execPath, ['program.ts'], {
    cwd: path,
    env: { ...process.env, TUREEN_URL: app.url, TUREEN_TOKEN: '' },
  })
  const { stdout } = await run
  expect(stdout).toMatch(/^accuracy 0\.8\d+$/m)
  expect(stdout).toContain('there is no model none')
  const soup = await readFile(join(path, 'out/soup.onnx'))
  const { items } = await createClient({ url: app.url }).listModels({ sha256: sha256(soup) })
  expect(items).toHaveLength(1)
  await remove()
})
