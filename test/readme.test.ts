import { execFile } from 'node:child_process'
import { cp, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readConfig } from '../src/config.ts'
import { json } from './support/http-client.ts'
import { projectFile, projectRoot, startApp, temporaryDirectory } from './support/server.ts'

const readme = String(await projectFile('README.md'))

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

describe("the README's commands", () => {
  let server: Awaited<ReturnType<typeof startApp>>
  let directory: Awaited<ReturnType<typeof temporaryDirectory>>
  let examples: string
  beforeAll(async () => {
    server = await startApp()
    directory = await temporaryDirectory()
    examples = join(directory.path, 'examples/digits')
    for (const part of ['examples/digits', 'test/fixtures/batch-norm'])
      await cp(join(projectRoot, part), join(directory.path, part), {
        recursive: true,
        filter: path => !path.endsWith('/digits/out'),
      })
  })
  afterAll(async () => {
    await server.close()
    await directory.remove()
  })

  /** Indented blocks that call the server, but for those about files that do not ship. */
  const script = [...readme.matchAll(/\n\n((?: {4}.*\n)+)/g)]
    .map(([, block = '']) => block)
    .filter(block => block.includes('curl') && !/mergekit\.yml|model\.onnx|\$TOKEN/.test(block))
    .join('')

  test('run one after the other, and write to out/ alone', async () => {
    const before = await readdir(examples)
    const here = script.replaceAll('http://127.0.0.1:3000', server.url)
    await promisify(execFile)('sh', ['-euc', here], { cwd: directory.path })
    expect((await readdir(examples)).toSorted()).toEqual([...before, 'out'].toSorted())
    expect(String(await projectFile('.gitignore'))).toContain('/examples/digits/out/\n')
    const { items } = await json<{ items: { type: string; status: string }[] }>(await fetch(`${server.url}/v1/jobs`))
    expect(items.map(({ type, status }) => `${type} ${status}`).toReversed()).toEqual(
      ['merge', 'evaluation', 'search', 'merge', 'merge', 'comparison'].map(type => `${type} succeeded`),
    )
  }, 300_000)

  test('make soups in one shot, and the one that is merged from stored models is the same', async () => {
    const out = (name: string) => readFile(join(examples, 'out', `${name}.onnx`))
    for (const name of ['uniform', 'soup', 'extrapolated', 'halved', 'ties'])
      expect((await out(name)).byteLength, name).toBeGreaterThan(159_000)
    expect((await out('merged')).equals(await out('soup'))).toBe(true)
  })

  test('stop at the first refusal', async () => {
    expect([...readme.matchAll(/curl (?!-fsS )-/g)]).toEqual([])
  })
})
