import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, expect, test } from 'vitest'
import { uploadModel } from '../support/http-client.ts'
import { linearModel } from '../support/onnx-model.ts'
import { serverGroup, stopServer } from '../support/server-group.ts'

const servers = serverGroup()
afterAll(() => servers.remove())

/** Packages that cost up to a second and 36 MB when they are loaded, and that only a cluster needs. */
const packagesOfClusters = /\/node_modules\/(@aws-sdk|@smithy|p-retry|pg|pg-[a-z]+)\//

test('a server without S3 and PostgreSQL loads nothing of their packages', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'tureen-test-'))
  try {
    const [loaded, hook] = [join(directory, 'loaded'), join(directory, 'hook.mjs')]
    await writeFile(loaded, '')
    await writeFile(
      hook,
      `import { appendFileSync } from 'node:fs'
import { registerHooks } from 'node:module'
registerHooks({
  load(url, context, next) {
    appendFileSync(${JSON.stringify(loaded)}, url + '\\n')
    return next(url, context)
  },
})`,
    )
    const server = await servers.start(await servers.data(), { NODE_OPTIONS: `--import=${pathToFileURL(hook)}` })
    const { id } = await uploadModel(server.url, linearModel([1], [2]))
    expect((await fetch(`${server.url}/v1/models/${id}/content`)).status).toBe(200)
    await stopServer(server)
    const urls = (await readFile(loaded, 'utf8')).trim().split('\n')
    expect(urls.filter(url => url.includes('/node_modules/')).length).toBeGreaterThan(100)
    expect(urls.filter(url => packagesOfClusters.test(url))).toEqual([])
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
})
