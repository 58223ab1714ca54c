import { spawn } from 'node:child_process'
import { chmod, mkdir, readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { wheelTags } from '../../package/platforms.ts'
import packageJson from '../../package.json' with { type: 'json' }
import { readDigits } from '../support/digits.ts'
import { initializerDigests } from '../support/http-client.ts'
import { projectRoot, temporaryDirectory, untilServing } from '../support/server.ts'
import { ended } from './nodes.ts'

/** Most bytes of the wheel, and most of its files. */
const most = { bytes: 85e6, files: 6_500 }
/**
 * Most seconds of the processor from the empty virtual environment to the first soup. The page tells 60 seconds of a clock, which says little
 * on a machine that does other things too.
 */
const mostSeconds = 30

const python = '/usr/bin/python3'
const ownTag = Object.entries(wheelTags).find(([platform]) => platform === `${process.platform}/${process.arch}`)?.[1]
const name = `tureen-${packageJson.version}-py3-none-${ownTag}.whl`
const digits = (file: string) => join(projectRoot, 'examples/digits', file)

let directory: Awaited<ReturnType<typeof temporaryDirectory>>
const within = (...parts: string[]) => join(directory.path, ...parts)
/** The environment of a user whose PATH has neither npm nor Node: only the programs of the virtual environment. */
const environment = () => ({ PATH: within('venv/bin'), HOME: within('home'), OPENBLAS_NUM_THREADS: '1' })

const as = (program: string, ...parameters: string[]) =>
  ended(within('venv/bin', program), parameters, { cwd: within('home'), env: environment() })

async function succeed(program: string, ...parameters: string[]): Promise<string> {
  const { code, stdout, stderr } = await as(program, ...parameters)
  if (code !== 0) throw new Error(`${program} ${parameters.join(' ')} ended with ${code}:\n${stdout}\n${stderr}`)
  return stdout
}

beforeAll(async () => {
  directory = await temporaryDirectory()
  // Evaluators of root have another user, who must reach the program.
  await chmod(directory.path, 0o755)
  await mkdir(within('home'))
  const parameters = ['package/wheel.ts', `--tarball=${inject('tarball')}`, `--destination=${directory.path}`]
  const built = await ended(process.execPath, parameters, { cwd: projectRoot })
  expect(built).toEqual({ code: 0, stdout: `${within(name)}\n`, stderr: '' })
  const made = await ended(python, ['-m', 'venv', within('venv')])
  if (made.code !== 0) throw new Error(`python3 -m venv failed: apt-get install python3-venv\n${made.stdout}`)
}, 600_000)
afterAll(() => directory.remove())

describe('the wheel', () => {
  test('has no more bytes and files than it may have, and none that nobody needs', async () => {
    expect((await stat(within(name))).size).toBeLessThan(most.bytes)
    const { stdout } = await ended(python, [
      '-c',
      'import sys, zipfile; print(*zipfile.ZipFile(sys.argv[1]).namelist(), sep="\\n")',
      within(name),
    ])
    const files = stdout.trimEnd().split('\n')
    expect(files.length).toBeLessThan(most.files)
    expect(files.filter(file => /\.(ts|mts|cts|map)$|\/\.bin\/|\/include\/|\/tests\/test_/.test(file))).toEqual([])
    const [system, processor] = [process.platform, process.arch]
    // Libraries of this platform, and of no other.
    const libraries = files.filter(file => /\.(node|so|dylib|dll)(\.\d+)*$/.test(file))
    expect(libraries.filter(file => !RegExp(`${system}[/-]${processor}`).test(file) || /musl/.test(file))).toEqual([])
    expect(files).toEqual(
      expect.arrayContaining([
        'tureen/__init__.py',
        'tureen/py.typed',
        'tureen/program/bin/tureen.js',
        `tureen/program/node_modules/onnxruntime-node/bin/napi-v6/${system}/${processor}/onnxruntime_binding.node`,
        'tureen/program/dist/docs/README.md',
        `tureen/program/dist/launcher/bin/${system}-${processor}`,
        `tureen/program/node_modules/node-${system}-${processor}/LICENSE`,
        `tureen-${packageJson.version}.dist-info/LICENSE`,
      ]),
    )
  })

  test('has a RECORD with the digest of every file, and needs no other package', async () => {
    // It compares each file with RECORD.
    const unpacked = await ended(python, ['-m', 'wheel', 'unpack', `--dest=${within('unpacked')}`, within(name)])
    expect(unpacked.code).toBe(0)
    const facts = within('unpacked', `tureen-${packageJson.version}/tureen-${packageJson.version}.dist-info`)
    const described = await readFile(join(facts, 'METADATA'), 'utf8')
    expect(described).toContain(`\nVersion: ${packageJson.version}\n`)
    expect(described.split('\n').filter(line => /^Requires-Dist: (?!.*; extra == )/.test(line))).toEqual([])
    expect(await readFile(join(facts, 'WHEEL'), 'utf8')).toContain(`Root-Is-Purelib: false\nTag: py3-none-${ownTag}\n`)
  })
})

describe('in an empty virtual environment, on a machine without npm and Node', () => {
  test('pip installs it, and the first soup is there within the time that the page tells', async () => {
    const models = Array.from({ length: 8 }, (_, index) => digits(`ft${index}.onnx`))
    const program = `TIMEFORMAT='%U %S'
      time { "$VENV/pip" install --quiet --no-index --no-cache-dir --disable-pip-version-check "$WHEEL" && "$VENV/tureen" soup "$@" -o soup.onnx; } 1>&2`
    const { code, stderr } = await ended('/bin/bash', ['-c', program, 'bash', ...models], {
      cwd: within('home'),
      env: { ...environment(), VENV: within('venv/bin'), WHEEL: within(name) },
    })
    expect(code, stderr).toBe(0)
    const [user = Number.NaN, system = Number.NaN] = (stderr.trimEnd().split('\n').at(-1) ?? '').split(' ').map(Number)
    expect(user + system).toBeLessThan(mostSeconds)
    const { expected } = await readDigits()
    expect(initializerDigests(await readFile(within('home/soup.onnx')))).toMatchObject(expected.uniform.tensors)
  })

  test('tureen --version, usage errors and tureen search do what they do elsewhere', async () => {
    expect(await as('tureen', '--version')).toEqual({ code: 0, stdout: `${packageJson.version}\n`, stderr: '' })
    expect(await as('tureen', 'serv')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('Did you mean serve?'),
    })
    const models = Array.from({ length: 8 }, (_, index) => digits(`ft${index}.onnx`))
    const search = ['search', ...models, '--data', digits('val.npz'), '--strategy', 'exhaustive', '--json']
    const { result } = JSON.parse(await succeed('tureen', ...search, '-o', 'best.onnx'))
    expect(result.winner.score).toBeCloseTo(0.872, 12)
  })

  test('the client runs its whole pipeline against tureen serve, whose models run in the sandbox', async () => {
    const env = { ...environment(), PORT: '0', TUREEN_DATA: within('data'), TUREEN_ISOLATION: 'required' }
    const child = spawn(within('venv/bin/tureen'), ['serve'], {
      env,
      cwd: within('home'),
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const { url, exited, logs } = await untilServing(child)
    try {
      const said = await succeed('python', join(projectRoot, 'examples/digits/pipeline.py'), url, within('soups'))
      expect(said).toContain('greedy soup: 0.862 on val, best single model: 0.808\ngreedy soup: 0.834 on test\n')
      expect(said).toContain('the recipe makes the same bytes')
    } finally {
      child.kill('SIGTERM')
      await exited
    }
    expect(await exited).toEqual({ code: 0, signal: null })
    const isolation = /"isolation":(\{[^}]*\})/.exec(logs.join('\n'))?.[1] ?? '{}'
    expect(JSON.parse(isolation)).toMatchObject({ fileSystem: true, network: true, processes: true, systemCalls: true })
  })

  test('a program has a server of its own', async () => {
    const program = `import sys, tureen
with tureen.local_server() as client:
    soup = client.make_soup(sys.argv[2:])
    soup.save(sys.argv[1])
    print(soup.warnings)`
    const models = Array.from({ length: 8 }, (_, index) => digits(`ft${index}.onnx`))
    expect(await succeed('python', '-c', program, 'own.onnx', ...models)).toBe('0\n')
    const { expected } = await readDigits()
    expect(initializerDigests(await readFile(within('home/own.onnx')))).toMatchObject(expected.uniform.tensors)
  })

  test('pip removes it whole', async () => {
    await succeed('pip', 'uninstall', '--yes', '--quiet', 'tureen')
    const [version = ''] = await readdir(within('venv/lib'))
    expect(await readdir(within('venv/lib', version, 'site-packages'))).not.toContain('tureen')
    expect(await readdir(within('venv/bin'))).not.toContain('tureen')
  })
})
