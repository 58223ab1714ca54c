import { execFile } from 'node:child_process'
import { copyFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { externalModel } from '../support/external-model.ts'
import { projectRoot, startApp, temporaryDirectory } from '../support/server.ts'

const programs = join(projectRoot, 'test/clients/programs')
const location = 'gewichte/ü 1.bin'
const run = promisify(execFile)

let app: Awaited<ReturnType<typeof startApp>>
let files: Awaited<ReturnType<typeof temporaryDirectory>>
beforeAll(async () => {
  app = await startApp({ TUREEN_MAX_UPLOAD_BYTES: '3000000' })
  files = await temporaryDirectory()
  const places = { W: { location, offset: 0, length: 16 }, b: { location, offset: 16, length: 8 } }
  const { main, data } = externalModel([1, 2, 3, 4], [5, 6], places)
  await copyFile(join(projectRoot, 'examples/digits/ft0.onnx'), join(files.path, 'model.onnx'))
  await writeFile(join(files.path, 'external.onnx'), main)
  await writeFile(join(files.path, 'data.bin'), data[location] ?? '')
  await writeFile(join(files.path, 'large.bin'), new Uint8Array(8_000_000))
})
afterAll(async () => {
  await app.close()
  await files.remove()
})

const python = (library: string) => ({
  client: library,
  commands: ['python3', '/usr/bin/python3'],
  program: 'ask.py',
  probe: ['-c', `import ${library}`],
})
const clients = [
  { client: 'curl', commands: ['sh'], program: 'ask.sh', probe: ['-c', 'curl --version'] },
  { client: 'wget', commands: ['sh'], program: 'ask.sh', probe: ['-c', 'wget --version'] },
  ...['urllib', 'requests', 'httpx', 'aiohttp'].map(python),
  { client: 'fetch', commands: [process.execPath], program: 'ask.mjs', probe: ['--version'] },
  { client: 'axios', commands: [process.execPath], program: 'ask.mjs', probe: ['--version'] },
  { client: 'java', commands: ['java'], program: 'Ask.java', probe: ['--version'] },
]

/** Returns the first command that has the client; undefined if it is not installed. */
async function commandOf({ commands, probe }: (typeof clients)[number]): Promise<string | undefined> {
  for (const command of commands) if (await run(command, probe).catch(() => null)) return command
  return undefined
}

/** Clients that have no forms, or none that the program uses. */
const formless = ['wget', 'urllib', 'java']

describe.each(clients)('$client', each => {
  test('uploads, merges, downloads and deletes, and sees why it is refused', async context => {
    const command = await commandOf(each)
    if (command === undefined) return context.skip(`${each.client} is not installed`)
    const parameters = [join(programs, each.program), each.client, app.url, files.path]
    const { stdout } = await run(command, parameters, { env: { ...process.env, LOCATION: location } })
    const { form, download, ...statuses } = JSON.parse(stdout)
    expect(form ?? 'none').toBe(formless.includes(each.client) ? 'none' : 'complete')
    expect(statuses).toEqual({ upload: 201, merge: 200, cancel: 404, gzip: 415, large: 413, delete: 204 })
    // The soup of the model alone is the model, with the recipe in its metadata.
    expect(download).toBeGreaterThan(159_308)
  })
})
