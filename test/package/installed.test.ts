import { spawn, spawnSync } from 'node:child_process'
import { chmod, mkdir, readFile, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import packageJson from '../../package.json' with { type: 'json' }
import { readDigits } from '../support/digits.ts'
import { evaluationClient } from '../support/evaluation-client.ts'
import { initializerDigests, merge, mergedContent, soup } from '../support/http-client.ts'
import { projectFile, projectRoot, temporaryDirectory, untilServing } from '../support/server.ts'
import { ended, type MachineNode, machineNodes, userEnvironment } from './nodes.ts'

/** Most bytes of the tarball, most of its files, and most kibibytes of an installation. */
const most = { bytes: 60e6, files: 1_700, installedKibibytes: 480_000 }
/** Most seconds of the processor that `tureen --help` takes beyond the start of Node. */
const mostHelpSeconds = 0.15

const [oldest] = machineNodes
let directory: Awaited<ReturnType<typeof temporaryDirectory>>
const tarball = inject('tarball')
const within = (...parts: string[]) => join(directory.path, ...parts)

/** What a shell finds as `tureen`: after `npm i -g` in the first place, after `npm i` in a project in the second. */
const commands = {
  global: () => within('global/bin/tureen'),
  project: () => within('project/node_modules/.bin/tureen'),
}

/** Runs a program as a user whose machine has a Node. */
const as = (node: MachineNode, program: string, ...parameters: string[]) =>
  ended(program, parameters, { cwd: within('project'), env: userEnvironment(node, within('home')) })

async function succeed(node: MachineNode, program: string, ...parameters: string[]): Promise<string> {
  const { code, stdout, stderr } = await as(node, program, ...parameters)
  if (code !== 0) throw new Error(`${program} ${parameters.join(' ')} ended with ${code}:\n${stdout}\n${stderr}`)
  return stdout
}

beforeAll(async () => {
  directory = await temporaryDirectory()
  // Evaluators of root have another user, who must reach the program.
  await chmod(directory.path, 0o755)
  for (const folder of ['home', 'project']) await mkdir(within(folder))
  await succeed(oldest, 'npm', 'install', '-g', `--prefix=${within('global')}`, tarball)
  await succeed(oldest, 'npm', 'install', tarball)
})
afterAll(() => directory.remove())

describe('the package', () => {
  test('has no more bytes and files than it may have, and none that nobody needs', async () => {
    expect((await stat(tarball)).size).toBeLessThan(most.bytes)
    const { stdout } = await ended('tar', ['-tzf', tarball])
    const files = stdout
      .trimEnd()
      .split('\n')
      .map(name => name.replace(/^package\//, ''))
    expect(files.length).toBeLessThan(most.files)
    expect(files.filter(name => /(?<!\.d)\.ts$/.test(name) && !name.startsWith('node_modules/'))).toEqual([])
    expect(files.filter(name => /win32|^(test|kernel|operators|package|release|src)\//.test(name))).toEqual([])
    expect(files).toEqual(
      expect.arrayContaining([
        ...['linux-x64', 'linux-arm64'].map(name => `dist/launcher/bin/${name}`),
        ...['linux/x64', 'linux/arm64', 'darwin/arm64'].map(
          platform => `node_modules/onnxruntime-node/bin/napi-v6/${platform}/onnxruntime_binding.node`,
        ),
        'dist/docs/README.md',
        'dist/docs/guides/recipes.md',
        'dist/cli/completion.bash',
        'dist/src/merge/methods/FORMULAS.md',
        'dist/src/documentation/style.css',
        'examples/digits/ft0.onnx',
      ]),
    )
  })

  test('leaves the checkout as it was', async () => {
    await expect(stat(join(projectRoot, 'dist'))).rejects.toMatchObject({ code: 'ENOENT' })
    const foreign = join(projectRoot, 'node_modules/onnxruntime-node/bin/napi-v6/win32/x64')
    await expect(stat(foreign)).rejects.toMatchObject({ code: 'ENOENT' })
  })

  test('has no install script of its own, nor one of onnxruntime', async () => {
    for (const path of ['', 'node_modules/onnxruntime-node']) {
      const { scripts = {} } = JSON.parse(
        await readFile(within('global/lib/node_modules/tureen', path, 'package.json'), 'utf8'),
      )
      for (const name of ['preinstall', 'install', 'postinstall', 'prepare']) expect(scripts).not.toHaveProperty(name)
    }
  })

  test('takes no more room than the page says', async () => {
    const { stdout } = await ended('du', ['-sk', within('global')])
    expect(Number.parseInt(stdout, 10)).toBeLessThan(most.installedKibibytes)
  })

  test('brings a client that a project can import, on the oldest Node', async () => {
    const program = `import { createClient, operations } from 'tureen/client'
      import { fileBlob } from 'tureen/client/files'
      import { unixSocketTransport } from 'tureen/client/unix-socket'
      const client = createClient({ url: 'http://127.0.0.1:9', retry: { retries: 0 } })
      const failure = await client.getLiveness().catch(error => error.name)
      console.log(Object.keys(operations).length > 40, failure, typeof fileBlob, typeof unixSocketTransport)`
    await writeFile(within('project/client.mjs'), program)
    expect(await succeed(oldest, 'node', 'client.mjs')).toBe('true TureenConnectionError function function\n')
  })

  test('tells the types of the API to a project that imports its schemas', async () => {
    await writeFile(
      within('project/types.mts'),
      `import { createClient } from 'tureen/client'\nimport { type ModelRecord, model } from 'tureen/schemas/model'\nexport const found = (await createClient({ url: 'http://127.0.0.1:9' }).getJob('a')).status satisfies string\nexport const id: string = model.parse({}).id\nexport const other: ModelRecord['id'] = id\n// @ts-expect-error\nexport const wrong: number = model.parse({}).id\n`,
    )
    await symlink(join(projectRoot, 'node_modules/@types'), within('types'))
    const checked = await ended(
      join(projectRoot, 'node_modules/.bin/tsc'),
      ['--noEmit', '--strict', '--module', 'nodenext', '--types', 'node', '--typeRoots', within('types'), 'types.mts'],
      { cwd: within('project') },
    )
    expect(checked).toEqual({ code: 0, stdout: '', stderr: '' })
  })
})

describe.each(machineNodes)('with $name as the machine has it', node => {
  test('tureen --version, --help and usage errors end with the right code', async () => {
    for (const command of [commands.global(), commands.project()]) {
      expect(await as(node, command, '--version')).toEqual({ code: 0, stdout: `${packageJson.version}\n`, stderr: '' })
      expect(await as(node, command, 'serv')).toEqual({
        code: 2,
        stdout: '',
        stderr: "tureen: unknown command 'serv' (Did you mean serve?)\n",
      })
    }
    const help = await as(node, commands.global(), '--help')
    expect(help).toMatchObject({ code: 0, stderr: '' })
    for (const name of ['serve', 'soup', 'search', 'evaluate', 'compare', 'inspect', 'check', 'backup', 'migrate'])
      expect(help.stdout).toContain(`\n  ${name} `)
    expect(await as(node, commands.global(), 'check', 'no-such-store')).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^tureen check: .*no-such-store.*\n$/),
    })
    expect(await as(node, commands.global(), 'backup', '--help')).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^usage: tureen backup DIR\n/),
    })
  })

  test('tureen soup and tureen search merge and score files without a server', async () => {
    const digits = (name: string) => join(projectRoot, 'examples/digits', name)
    const models = Array.from({ length: 8 }, (_, index) => digits(`ft${index}.onnx`))
    const { expected } = await readDigits()
    const output = ['-o', 'out.onnx', '--force']
    await succeed(node, commands.global(), 'soup', ...models, ...output)
    expect(initializerDigests(await readFile(within('project/out.onnx')))).toMatchObject(expected.uniform.tensors)
    const search = ['search', ...models, '--data', digits('val.npz'), '--strategy', 'exhaustive', '--json', ...output]
    const { result } = JSON.parse(await succeed(node, commands.global(), ...search))
    expect(result.winner.score).toBeCloseTo(0.872, 12)
  })

  test('tureen --help takes little time of the processor', () => {
    const [help, start] = [
      [commands.global(), '--help'],
      ['-e', '0'],
    ].map(parameters => {
      const runs = Array.from({ length: 5 }, () => processorSeconds(node.execute, parameters))
      return Math.min(...runs)
    })
    expect((help ?? Number.NaN) - (start ?? Number.NaN)).toBeLessThan(mostHelpSeconds)
  })
})

/** Returns the seconds of the processor that a process and its children take. */
function processorSeconds(program: string, parameters: readonly string[]): number {
  const env = { ...userEnvironment(oldest, within('home')) }
  const { stderr } = spawnSync(
    'bash',
    ['-c', 'TIMEFORMAT="%U %S"; time "$@" > /dev/null', 'time', program, ...parameters],
    {
      env,
      encoding: 'utf8',
    },
  )
  const [user = Number.NaN, system = Number.NaN] = stderr.trim().split(' ').map(Number)
  return user + system
}

describe.each([
  { place: 'global', node: machineNodes[0] },
  { place: 'project', node: machineNodes[0] },
  { place: 'global', node: machineNodes[3] },
] as const)('tureen serve, installed for the $place, with $node.name', ({ place, node = oldest }) => {
  test('merges, scores models in the sandbox, shows its pages, and ends at SIGTERM with 0', async () => {
    const data = within(`data-${place}-${node.name}`)
    const env = { ...userEnvironment(node, within('home')), PORT: '0', TUREEN_DATA: data, TUREEN_ISOLATION: 'required' }
    const child = spawn(commands[place](), ['serve'], {
      env,
      cwd: within('project'),
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const { url, exited, logs } = await untilServing(child)
    try {
      const { files, expected } = await readDigits()
      expect(initializerDigests(await soup(url, files))).toMatchObject(expected.uniform.tensors)
      const { addModel, addDataset, evaluate } = evaluationClient(url)
      const [first = '', second = ''] = await Promise.all(files.map(file => addModel(file)))
      const merged = await merge(url, {
        models: [
          { id: first, weight: 2 },
          { id: second, weight: 3 },
        ],
      })
      expect(merged.status).toBe('succeeded')
      expect(initializerDigests(await mergedContent(url, merged))).toMatchObject(expected.two_three.tensors)
      const { id } = await addDataset(await projectFile('examples/digits/val.npz'))
      const evaluated = await evaluate({ model: first, dataset: id, metrics: ['accuracy'] })
      expect(evaluated.result).toMatchObject({ metrics: { accuracy: 0.8 } })
      for (const path of ['/', '/docs', '/docs/operations/install', '/openapi.json'])
        expect((await fetch(`${url}${path}`)).status, path).toBe(200)
      const page = await (await fetch(url)).text()
      const [, script = ''] = /<script type="module" src="([^"]+)"/.exec(page) ?? []
      expect(await (await fetch(`${url}${script}`)).text()).toContain("from '../packages/preact/")
    } finally {
      child.kill('SIGTERM')
      await exited
    }
    expect(await exited).toEqual({ code: 0, signal: null })
    const log = logs.join('\n')
    expect(log.match(/the server is stopping/g)).toHaveLength(1)
    expect(log).toMatch(/models run isolated by /)
    const isolation = /"isolation":(\{[^}]*\})/.exec(log)?.[1] ?? '{}'
    expect(JSON.parse(isolation)).toMatchObject({ fileSystem: true, network: true, processes: true, systemCalls: true })
    if (process.getuid?.() === 0) expect(JSON.parse(isolation)).toMatchObject({ ownUser: true })
    expect(await as(node, commands[place](), 'check', '--deep', data)).toMatchObject({ code: 0, stderr: '' })
  })
})
