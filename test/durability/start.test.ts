import { type ChildProcess, type ChildProcessByStdio, execFile, spawn, spawnSync } from 'node:child_process'
import { chmod, chown, cp, mkdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { delimiter, dirname, join } from 'node:path'
import type { Readable } from 'node:stream'
import { promisify } from 'node:util'
import { afterAll, describe, expect, test } from 'vitest'
import { chooseIsolation, isIsolated } from '../../src/evaluate/isolation/choose-isolation.ts'
import { evaluationClient } from '../support/evaluation-client.ts'
import { identityModel } from '../support/hostile-models.ts'
import { uploadModel } from '../support/http-client.ts'
import { npz } from '../support/npz.ts'
import { linearModel } from '../support/onnx-model.ts'
import { projectFile, projectRoot, serverVariables, untilServing } from '../support/server.ts'
import { serverGroup } from '../support/server-group.ts'
import { until } from '../support/store-client.ts'

const servers = serverGroup()
const children: ChildProcessByStdio<null, Readable, Readable>[] = []
afterAll(async () => {
  // Each leads a group of its own, which is ended with whatever it left behind.
  for (const { pid } of children) {
    try {
      if (pid !== undefined) process.kill(-pid, 'SIGKILL')
    } catch {}
  }
  await servers.remove()
})

function run(command: string, args: readonly string[], cwd: string, variables: Record<string, string>) {
  const env = { ...serverVariables, HOME: process.env.HOME, ...variables }
  const child = spawn(command, args, { cwd, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] })
  children.push(child)
  return child
}

async function isServing(url: string): Promise<boolean> {
  const response = await fetch(`${url}/healthz`, { headers: { connection: 'close' } }).catch(() => undefined)
  await response?.arrayBuffer()
  return response !== undefined
}

/** Runs a command as process 1 of a namespace, as a container does. */
const asFirst = ['unshare', '-pf', '--kill-child', '--mount-proc']
const canBeFirst = spawnSync('unshare', [...asFirst.slice(1), 'true']).status === 0

/** The process that `unshare` made the first one of its namespace. */
async function firstOf({ pid }: ChildProcess): Promise<number> {
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')
  return Number(children.trim())
}

describe('npm start', () => {
  const whole = async ({ pid = 0 }: ChildProcess) => -pid
  const npm = async ({ pid = 0 }: ChildProcess) => pid
  const entry = 'pipeline:write:0123456789abcdef'
  const fileOfTokens = async () => {
    const list = join(await servers.data(), 'tokens')
    await writeFile(list, entry)
    return { TUREEN_TOKENS_FILE: list }
  }
  /** Each start has other tokens: a server that only warns of them would cost another second of the processor. */
  const tokens: Record<string, () => Promise<Record<string, string>>> = {
    'with tokens in a variable': async () => ({ TUREEN_TOKENS: entry }),
    'with tokens in a file': fileOfTokens,
    'without tokens': async () => ({}),
  }
  const ways: [string, keyof typeof tokens, NodeJS.Signals, (child: ChildProcess) => Promise<number>, string[]][] = [
    ['npm is told to end', 'with tokens in a variable', 'SIGTERM', npm, ['npm', 'start']],
    ['a terminal interrupts the whole group', 'with tokens in a file', 'SIGINT', whole, ['npm', 'start']],
    ['a shell has handed over to npm', 'without tokens', 'SIGTERM', npm, ['sh', '-c', 'exec npm start']],
    ['npm is process 1 of a container', 'without tokens', 'SIGTERM', firstOf, [...asFirst, 'npm', 'start']],
  ]
  const possible = ways.filter(([, , , , [command]]) => canBeFirst || command !== 'unshare')
  test.each(possible)(
    'ends the server in good order when %s, started %s (%s), and warns once if other processes can read tokens',
    async (_, given, signal, target, [command = '', ...args]) => {
      const variables = { TUREEN_DATA: await servers.data(), ...(await tokens[given]?.()) }
      const server = await untilServing(run(command, args, projectRoot, variables))
      process.kill(await target(server.process), signal)
      expect(await server.exited).toEqual({ code: 0, signal: null })
      await until('the server is gone', async () => !(await isServing(server.url)))
      expect(server.logs.some(line => line.includes('"msg":"the server has stopped"'))).toBe(true)
      const warnings = server.logs.filter(line => line.startsWith('{') && line.includes('TUREEN_TOKENS'))
      const expected = /"msg":"[^"]*TUREEN_TOKENS [^"]*set TUREEN_TOKENS_FILE instead/
      expect(warnings).toEqual('TUREEN_TOKENS' in variables ? [expect.stringMatching(expected)] : [])
    },
  )

  test.each([
    [['--port=8080'], 'PORT'],
    [['--data', 'secret-place'], 'TUREEN_DATA'],
    [['secret-place'], 'TUREEN_DATA|configuration'],
  ])('with the arguments %j is refused with 2 and the variable to set instead', (args, variable) => {
    const { status, stderr, stdout } = spawnSync(process.execPath, ['src/server.ts', ...args], {
      cwd: projectRoot,
      env: serverVariables,
      encoding: 'utf8',
    })
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' })
    expect(stderr).toMatch(new RegExp(`^tureen: .*\\b(${variable})\\b.*\\n$`))
    expect(stderr).not.toContain('secret-place')
  })
})

const canBeAnother = process.getuid?.() === 0 && spawnSync('setpriv', ['--version']).status === 0

/** The command that runs another as a user without rights whose group is 0, as OpenShift runs containers. */
const asUser = (user: string) => ['--reuid', user, '--regid', '0', '--clear-groups', '--bounding-set', '-all']

describe.runIf(canBeAnother)('the container', () => {
  /** What the Dockerfile makes of the project, as far as it can be done without Docker: files that only root can write. */
  async function image(): Promise<string> {
    const root = await servers.data()
    await chmod(root, 0o755)
    for (const path of [
      'package.json',
      'README.md',
      'client',
      'container',
      'docs',
      'launcher',
      'page',
      'schemas',
      'routes',
      'src',
    ])
      await cp(join(projectRoot, path), join(root, path), { recursive: true })
    await symlink(join(projectRoot, 'node_modules'), join(root, 'node_modules'))
    const env = { PATH: process.env.PATH, NODE_COMPILE_CACHE: join(root, '.cache/compile') }
    await promisify(execFile)(process.execPath, ['--max-semi-space-size=1', 'src/compile.ts'], { cwd: root, env })
    await promisify(execFile)('chmod', ['-R', 'a+rX,go-w', root])
    return root
  }

  test('serves as any user of group 0, from files that it cannot write, with the compiled code of the image', async () => {
    const root = await image()
    const data = await servers.data()
    await chown(data, 1000, 0)
    await chmod(data, 0o2770)
    const temporary = join(await servers.data(), 'tmp')
    await mkdir(temporary)
    for (const path of [temporary, dirname(temporary)]) await chmod(path, 0o1777)
    const { isolation, close } = await chooseIsolation(temporary)
    close()
    const command = String(await projectFile('Dockerfile')).match(/^CMD (\[.*\])$/m)?.[1] ?? '[]'
    const start = (user: string) =>
      untilServing(
        run('setpriv', [...asUser(user), ...JSON.parse(command)], root, {
          PATH: [dirname(process.execPath), process.env.PATH].join(delimiter),
          HOME: '/',
          TMPDIR: temporary,
          TUREEN_DATA: data,
          // No user loses the isolation that this machine has.
          TUREEN_ISOLATION: isIsolated(isolation) ? 'required' : 'auto',
          NODE_COMPILE_CACHE: join(root, '.cache/compile'),
          NODE_DEBUG_NATIVE: 'COMPILE_CACHE',
        }),
      )
    const server = await start('12345')
    const { id, status } = await uploadModel(server.url, linearModel([1, 2], [3, 4]))
    expect(status).toBe('complete')
    const client = evaluationClient(server.url)
    const values = { descr: '<f4', shape: [3, 1], data: Float32Array.of(1, 2, 3) }
    const dataset = await client.addDataset(npz({ x: values, y: values }))
    const model = await client.addModel(identityModel())
    const metrics = ['mse']
    const scored = await client.evaluate({ model, dataset: dataset.id, inputs: { x: 'x' }, target: 'y', metrics })
    expect(scored).toMatchObject({ status: 'succeeded', result: { metrics: { mse: 0 } } })
    server.process.kill('SIGTERM')
    expect((await server.exited).code).toBe(0)
    // Threads write in between: some lines cannot be read.
    const found = server.logs.join('').matchAll(/retrieving transpile cache for StrippedTypeScript (\S+)\.\.\.success/g)
    const ours = [...found].filter(([, file]) => file?.includes(join(root, 'src/')))
    expect(ours.length).toBeGreaterThan(100)

    // Another user of the group takes over what that one wrote.
    const second = await start('23456')
    await uploadModel(second.url, linearModel([5, 6], [7, 8]))
    expect((await fetch(`${second.url}/v1/models/${id}`, { method: 'DELETE' })).status).toBe(204)
    second.process.kill('SIGTERM')
    expect((await second.exited).code).toBe(0)
  })
})
