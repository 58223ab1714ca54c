import { execFile } from 'node:child_process'
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readConfig } from '../src/config.ts'
import { errorCatalogue } from '../src/errors.ts'
import { projectFile, projectRoot, startApp, temporaryDirectory } from './support/server.ts'

const readme = String(await projectFile('README.md'))

describe('the README', () => {
  test('explains every error code of the catalogue, and no other, under the anchor that problems link to', () => {
    const rows = [...readme.matchAll(/<a id="(\w+)"><\/a>`(\w+)` \| (\d+) \|/g)].map(([, anchor, code, status]) => ({
      anchor,
      code,
      status,
    }))
    const catalogued = Object.entries(errorCatalogue).map(([code, { status }]) => ({
      anchor: code.toLowerCase(),
      code,
      status: String(status),
    }))
    expect(rows).toEqual(catalogued)
  })
})

describe("the README's tokens", () => {
  const operating = readme.slice(readme.indexOf('## Operating'), readme.indexOf('## Errors'))

  test('in the command that starts the container are such as let it start', async () => {
    expect(String(await projectFile('Dockerfile'))).toContain('HOST=0.0.0.0')
    const [, variable = ''] = /docker run .* -e "TUREEN_TOKENS=(.*?)"/.exec(operating) ?? []
    const TUREEN_TOKENS = variable.replace('$TOKEN', 'f'.repeat(64))
    expect(readConfig({ HOST: '0.0.0.0', TUREEN_TOKENS }).tokens).toMatchObject([{ name: 'pipeline', scope: 'write' }])
  })

  test('in the file are two, and a comment', () => {
    const [TUREEN_TOKENS = ''] = /^ {4}# [\s\S]*?\n\n/m.exec(operating) ?? []
    expect(readConfig({ TUREEN_TOKENS }).tokens).toMatchObject([
      { name: 'pipeline', scope: 'write' },
      { name: 'dashboard', scope: 'read' },
    ])
  })
})

describe("the README's curl commands", () => {
  let server: Awaited<ReturnType<typeof startApp>>
  let directory: Awaited<ReturnType<typeof temporaryDirectory>>
  beforeAll(async () => {
    server = await startApp()
    directory = await temporaryDirectory()
  })
  afterAll(async () => {
    await server.close()
    await directory.remove()
  })

  /** Runs a command of the README as a newcomer would, but against this server, and with its output in a directory of its own. */
  const run = async (command: string) => {
    const here = command.replaceAll('http://127.0.0.1:3000', server.url).replace(/-o (\S+)/, `-o ${directory.path}/$1`)
    const { stdout } = await promisify(execFile)('sh', ['-ec', here.replace('curl ', 'curl -sS --fail-with-body ')], {
      cwd: join(projectRoot, 'examples/digits'),
    })
    return stdout
  }
  const commands = readme
    .slice(readme.indexOf('## A first soup'), readme.indexOf('## A score'))
    .replaceAll('\\\n', '')
    .split('\n')
    .map(line => line.trim())
    .filter(line => line.startsWith('curl'))

  test('make soups in one shot', async () => {
    await mkdir(directory.path, { recursive: true })
    const oneShot = commands.filter(command => command.includes('/v1/soup'))
    expect(oneShot).toHaveLength(4)
    for (const command of oneShot) {
      await run(command)
      const file = /-o (\S+)/.exec(command)?.[1] ?? ''
      expect((await readFile(join(directory.path, file))).byteLength, command).toBeGreaterThan(159_000)
    }
  })

  test('upload, merge and download, and the result is the one-shot soup', async () => {
    const [upload0 = '', upload1 = '', merge = '', download = ''] = commands.filter(
      command => !command.includes('/v1/soup'),
    )
    const first = JSON.parse(await run(upload0))
    const second = JSON.parse(await run(upload1))
    const job = JSON.parse(await run(merge.replace('ID OF ft0', first.id).replace('ID OF ft1', second.id)))
    expect(job.status).toBe('succeeded')
    await run(download.replace('ID OF THE RESULT', job.result.model.id).replace('soup.onnx', 'merged.onnx'))
    const merged = await readFile(join(directory.path, 'merged.onnx'))
    expect(merged.equals(await readFile(join(directory.path, 'soup.onnx')))).toBe(true)
  })

  test('search for the best soup', async () => {
    const upload = async (path: string, name: string): Promise<string> =>
      JSON.parse(await run(`curl -X POST -T ${name} "http://127.0.0.1:3000/v1/${path}?name=${name}"`)).id
    const ids = new Map([
      ['ft0', await upload('models', 'ft0.onnx')],
      ['ft1', await upload('models', 'ft1.onnx')],
      ['val', await upload('datasets', 'val.npz')],
      ['test', await upload('datasets', 'test.npz')],
    ])
    const command = /curl [^\n]*\/v1\/searches[\s\S]*?}'$/m.exec(readme)?.[0] ?? ''
    const { status, result } = JSON.parse(await run(command.replace(/ID OF (\w+)/g, (_, name) => ids.get(name) ?? '')))
    expect(status).toBe('succeeded')
    expect(result.winner.models).toHaveLength(2)
    expect(result.test.interval).toHaveLength(2)
  })
})
