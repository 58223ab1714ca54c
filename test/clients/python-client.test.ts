import { execFile } from 'node:child_process'
import { globSync } from 'node:fs'
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { pythonTypes } from '../../clients/generator/python-types.ts'
import packageJson from '../../package.json' with { type: 'json' }
import { readDigits } from '../support/digits.ts'
import { initializerDigests, json, sha256 } from '../support/http-client.ts'
import { numpyPython } from '../support/numpy-python.ts'
import { projectFile, projectRoot, startApp, temporaryDirectory } from '../support/server.ts'

const client = join(projectRoot, 'clients/python')
/** Modules of tests in Python, which a server is for. */
const modules = globSync('tests/test_*.py', { cwd: client }).map(name => name.replace('.py', '').replace('/', '.'))

let app: Awaited<ReturnType<typeof startApp>>
let directory: Awaited<ReturnType<typeof temporaryDirectory>>
let python: string
beforeAll(async () => {
  app = await startApp()
  directory = await temporaryDirectory()
  python = await numpyPython()
})
afterAll(async () => {
  await app.close()
  await directory.remove()
})

/** Runs Python with the client of the checkout. @returns what it wrote; rejects with that if it fails */
async function run(parameters: readonly string[], cwd: string): Promise<{ stdout: string; stderr: string }> {
  const env = {
    ...process.env,
    PYTHONPATH: client,
    PYTHONDONTWRITEBYTECODE: '1',
    OPENBLAS_NUM_THREADS: '1',
    TUREEN_TEST_URL: app.url,
    TUREEN_TEST_NODE: process.execPath,
    TUREEN_URL: app.url,
    TUREEN_TOKEN: '',
  }
  const done = promisify(execFile)(python, [...parameters], { cwd, env })
  return done.catch((error: { stdout: string; stderr: string }) => {
    throw new Error(`python3 ${parameters.join(' ')} failed:\n${error.stdout}\n${error.stderr}`)
  })
}

describe('the client for Python', () => {
  test.each(modules)(
    'passes %s, and leaves nothing open',
    async name => {
      const { stderr } = await run(['-W', 'error::ResourceWarning', '-m', 'unittest', name], client)
      expect(stderr).toMatch(/^Ran \d+ tests? in /m)
      expect(stderr).toMatch(/^OK/m)
      expect(stderr).not.toContain('Exception ignored')
    },
    300_000,
  )

  test('passes the strict checks of mypy as Python 3.9', async context => {
    const version = await promisify(execFile)('mypy', ['--version']).catch(() => undefined)
    if (version === undefined) return context.skip('mypy is not installed')
    const checked = [join(client, 'tureen'), join(projectRoot, 'examples/digits/pipeline.py')]
    const parameters = ['--python-version=3.9', '--config-file=pyproject.toml', `--cache-dir=${directory.path}/mypy`]
    const { stdout } = await promisify(execFile)('mypy', [...parameters, ...checked], { cwd: client }).catch(
      (error: { stdout: string }) => error,
    )
    expect(stdout).toMatch(/^Success: no issues found in \d+ source files$/m)
  }, 300_000)

  test('has the types of the OpenAPI document', async () => {
    const document: unknown = await (await fetch(`${app.url}/openapi.json`)).json()
    const written = await readFile(join(client, 'tureen/api_types.py'), 'utf8')
    expect(
      written === pythonTypes(document),
      'npm run build:python-types writes clients/python/tureen/api_types.py',
    ).toBe(true)
  })

  test('has the version of the project', async () => {
    expect(await readFile(join(client, 'tureen/__init__.py'), 'utf8')).toContain(
      `\n__version__ = "${packageJson.version}"\n`,
    )
  })

  test('imports nothing but the standard library', async () => {
    const program = `import sys; sys.path = [path for path in sys.path if not path.endswith("-packages")]
import tureen; tureen.Client("http://127.0.0.1:9"); print("numpy" in sys.modules)`
    expect((await run(['-S', '-c', program], directory.path)).stdout).toBe('False\n')
  })
})

test('the example runs the whole pipeline, and its soups have the tensors and scores of NumPy', async () => {
  const out = join(directory.path, 'soups')
  const { stdout } = await run([join(projectRoot, 'examples/digits/pipeline.py'), app.url, out], directory.path)
  const { expected } = await readDigits()
  // The accuracies that NumPy computes, in examples/digits/expected.json.
  expect(stdout).toContain('greedy soup: 0.862 on val, best single model: 0.808\ngreedy soup: 0.834 on test\n')
  expect(stdout).toContain('the recipe makes the same bytes')
  expect(initializerDigests(await readFile(join(out, 'uniform.onnx')))).toMatchObject(expected.uniform.tensors)
  expect((await readFile(join(out, 'greedy.onnx'))).byteLength).toBeGreaterThan(159_000)
})

test('the programs of the page about it run one after the other, and make a soup', async () => {
  const page = String(await projectFile('docs/guides/python-client.md'))
  const blocks = [...page.matchAll(/^```python\n([\s\S]*?)^```$/gm)].map(([, block]) => block)
  const at = join(directory.path, 'page')
  await cp(join(projectRoot, 'examples/digits'), at, { recursive: true, filter: file => !file.endsWith('/out') })
  await mkdir(join(at, 'out'))
  await writeFile(join(at, 'program.py'), blocks.join('\n'))
  const { stdout } = await run(['program.py'], at)
  expect(stdout).toMatch(/^accuracy 0\.8\d+$/m)
  expect(stdout).toContain('there is no model none')
  expect(stdout).toMatch(/^\d candidates scored$/m)
  const soup = await readFile(join(at, 'out/soup.onnx'))
  const { items } = await json<{ items: unknown[] }>(await fetch(`${app.url}/v1/models?sha256=sha256:${sha256(soup)}`))
  expect(items.length).toBeGreaterThan(0)
})
