import { execFile, spawnSync } from 'node:child_process'
import { cp, readdir, readFile, writeFile } from 'node:fs/promises'
import { delimiter, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { readConfig } from '../../src/config.ts'
import { readTensor } from '../../src/export/read-tensors.ts'
import { checkpointTensors } from '../support/checkpoints.ts'
import { indexed } from '../support/exports.ts'
import { json } from '../support/http-client.ts'
import { numpyPython } from '../support/numpy-python.ts'
import { expectStepsAsNumpy, stepsOf } from '../support/pytorch-steps.ts'
import { projectFile, projectRoot, startApp, temporaryDirectory } from '../support/server.ts'

/** The documents of the project, as paths from its root. */
const pages = [
  'README.md',
  'CONTRIBUTING.md',
  ...(await readdir(join(projectRoot, 'docs'), { recursive: true }))
    .filter(name => name.endsWith('.md'))
    .map(name => `docs/${name}`),
]

/** Commands that can run here stand in blocks of `sh`, others in blocks of `sh not-run`. */
async function commandsOf(page: string): Promise<string> {
  const text = String(await projectFile(page))
  return [...text.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, block]) => block).join('')
}

const withCommands: string[] = []
for (const page of pages) if (await commandsOf(page)) withCommands.push(page)

test('a command stands in a block that says whether it is run', async () => {
  for (const page of pages.filter(each => each !== 'CONTRIBUTING.md')) {
    const outside = String(await projectFile(page)).replaceAll(/^```[\s\S]*?^```$/gm, '')
    expect(outside, page).not.toMatch(/^ {4}(curl|npm|docker|kubectl|jq|node) /m)
  }
})

describe('the commands of', () => {
  let server: Awaited<ReturnType<typeof startApp>>
  let programs: Awaited<ReturnType<typeof temporaryDirectory>>
  beforeAll(async () => {
    server = await startApp()
    programs = await temporaryDirectory()
    // `tureen` as a package installs it.
    const node = `exec '${process.execPath}' --max-semi-space-size=1`
    await writeFile(join(programs.path, 'tureen'), `#!/bin/sh\n${node} '${projectRoot}/src/tureen.ts' "$@"\n`, {
      mode: 0o755,
    })
  })
  afterAll(async () => {
    await server.close()
    await programs.remove()
  })

  /** A checkout as far as the commands see it: the examples and fixtures, without what other runs wrote. */
  async function checkout() {
    const directory = await temporaryDirectory()
    for (const part of ['clients/python/tureen', 'examples/detection', 'examples/digits', 'test/fixtures/batch-norm'])
      await cp(join(projectRoot, part), join(directory.path, part), {
        recursive: true,
        filter: path => !/\/(out|__pycache__)$/.test(path),
      })
    return directory
  }

  async function run(page: string, at: string): Promise<string> {
    const script = (await commandsOf(page)).replaceAll('http://127.0.0.1:3000', server.url)
    // A page's `python3` has NumPy, and leaves no compiled files. Its `tureen` works on the server, which costs less than to start one.
    const PATH = [programs.path, dirname(await numpyPython()), process.env['PATH']].join(delimiter)
    const NODE_COMPILE_CACHE = join(projectRoot, 'node_modules/.cache/compile')
    const commands = { PATH, NODE_COMPILE_CACHE, TUREEN_URL: server.url }
    const env = { ...process.env, ...commands, PYTHONDONTWRITEBYTECODE: '1', OPENBLAS_NUM_THREADS: '1' }
    const { stdout } = await promisify(execFile)('bash', ['-euo', 'pipefail', '-c', script], { cwd: at, env })
    return stdout
  }

  /** What a page tells about what its commands print or make. */
  const told: Record<string, (printed: string, at: string) => Promise<void>> = {
    async 'docs/guides/external-scores.md'(printed) {
      // The best single model, and a soup that is better; then the mean of the best three.
      expect(printed).toMatch(/"winner": 0\.57\d+,\n\s*"bestSingle": 0\.5646/)
      expect(printed).toMatch(/"winner": 0\.5\d+,\n\s*"candidates": /)
    },
    async 'docs/tutorials/batch-norms.md'(printed) {
      expect(printed).toBe('0.416\n0.96\n')
    },
    async 'docs/tutorials/coming-from-pytorch.md'(_, at) {
      const page = String(await projectFile('docs/tutorials/coming-from-pytorch.md'))
      expect(stepsOf(page).length).toBe(page.match(/^tureen /gm)?.length)
      await expectStepsAsNumpy(page, join(at, 'examples/digits'))
    },
    async 'docs/tutorials/soups-of-checkpoints.md'(printed, at) {
      const { exhaustive } = z
        .object({
          exhaustive: z.object({ val: z.object({ accuracy: z.number() }), test: z.object({ accuracy: z.number() }) }),
        })
        .parse(JSON.parse(String(await projectFile('examples/digits/expected.json'))))
      // The best soup on test, twice: by the search, and of the checkpoints.
      expect(printed).toContain(exhaustive.val.accuracy.toFixed(3))
      expect(printed.trimEnd().split('\n').slice(-3).join()).toContain(exhaustive.test.accuracy.toFixed(6))
      const out = (name: string) => readFile(join(at, 'examples/digits/out', name))
      const elements = async (name: string) =>
        Object.fromEntries(checkpointTensors(await out(name)).map(({ name, hex }) => [name, hex]))
      const weights = await elements('final.safetensors')
      const model = indexed(await out('final.onnx'))
      for (const tensor of model.layout.tensors.filter(({ name }) => name in weights))
        expect(Buffer.from(readTensor(tensor, model).bytes).toString('hex'), tensor.name).toBe(weights[tensor.name])
    },
    async 'docs/tutorials/first-soup.md'(_, at) {
      const out = (name: string) => readFile(join(at, 'examples/digits/out', `${name}.onnx`))
      for (const name of ['uniform', 'soup', 'extrapolated', 'halved'])
        expect((await out(name)).byteLength).toBeGreaterThan(159_000)
      expect((await out('merged')).equals(await out('soup'))).toBe(true)
    },
  }

  test.each(withCommands)(
    '%s run one after the other, write to out/ alone, and do what it tells',
    async page => {
      const directory = await checkout()
      const files = async () =>
        (await readdir(directory.path, { recursive: true })).filter(name => !/(^|\/)out(\/|$)/.test(name))
      const before = await files()
      try {
        const printed = await run(page, directory.path)
        expect(printed).not.toContain('null')
        expect(await files()).toEqual(before)
        await told[page]?.(printed, directory.path)
      } finally {
        await directory.remove()
      }
      const { items } = await json<{ items: { type: string; status: string }[] }>(await fetch(`${server.url}/v1/jobs`))
      expect(items.filter(({ status }) => status !== 'succeeded')).toEqual([])
    },
    120_000,
  )

  test('pages that tell of them are there', () => {
    expect(withCommands).toEqual(expect.arrayContaining(Object.keys(told)))
  })

  test('every page stop at the first refusal', async () => {
    for (const page of withCommands) expect(await commandsOf(page), page).not.toMatch(/curl (?!-fsS )/)
  })
})

describe('the tokens in the page about deploying', async () => {
  const page = String(await projectFile('docs/operations/deploy.md'))

  test('let the container start', async () => {
    expect(String(await projectFile('Dockerfile'))).toContain('HOST=0.0.0.0')
    const [command = ''] = /^TOKEN=[\s\S]*?(?=^docker run .* -e TUREEN_TOKENS_FILE=\/tokens\/list )/m.exec(page) ?? []
    const directory = await temporaryDirectory()
    spawnSync('sh', ['-ec', command], { cwd: directory.path })
    const TUREEN_TOKENS_FILE = join(directory.path, 'tokens/list')
    expect(readConfig({ HOST: '0.0.0.0', TUREEN_TOKENS_FILE }).tokens).toMatchObject([
      { name: 'pipeline', scope: 'write' },
    ])
    await directory.remove()
  })

  test('are two in the file, and a comment', () => {
    const [TUREEN_TOKENS = ''] = /^ {4}# [\s\S]*?\n\n/m.exec(page) ?? []
    expect(readConfig({ TUREEN_TOKENS }).tokens).toMatchObject([
      { name: 'pipeline', scope: 'write' },
      { name: 'dashboard', scope: 'read' },
    ])
  })
})

test('the README has at most 8 KB', async () => {
  expect((await projectFile('README.md')).byteLength).toBeLessThanOrEqual(8192)
})
