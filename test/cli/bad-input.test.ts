import { copyFile, readdir } from 'node:fs/promises'
import { createServer, request } from 'node:http'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import packageJson from '../../package.json' with { type: 'json' }
import { listenOn } from '../support/listening.ts'
import { projectRoot, startApp, temporaryDirectory } from '../support/server.ts'
import { typed } from '../support/typed-command.ts'

const writer = 'a-token-of-the-tests-of-bad-input-1'
const reader = 'a-token-of-the-tests-of-bad-input-2'
let directory: Awaited<ReturnType<typeof temporaryDirectory>>
let app: Awaited<ReturnType<typeof startApp>>
let before: string[]
beforeAll(async () => {
  directory = await temporaryDirectory()
  await copyFile(join(projectRoot, 'examples/digits/ft0.onnx'), join(directory.path, 'ft0.onnx'))
  before = await readdir(directory.path)
  app = await startApp({ TUREEN_TOKENS: `writer:write:${writer},reader:read:${reader}`, TUREEN_RATE_LIMIT: '0' })
})
afterAll(async () => {
  await app.close()
  await directory.remove()
})

const run = (parameters: string[], env: Record<string, string> = {}) => typed(parameters, { cwd: directory.path, env })

/** Runs a command that must fail without a stack, a word on standard output, or a file. */
async function refused(parameters: string[], env: Record<string, string> = {}) {
  const ended = await run(parameters, env)
  expect(ended.stdout).toBe('')
  expect(ended.stderr).not.toMatch(/\n {4}at /)
  expect(await readdir(directory.path)).toEqual(before)
  return { code: ended.code, lines: ended.stderr.trimEnd().split('\n') }
}

test.each([
  ['ls', '--lable', '--label'],
  ['push', '--tll', '--ttl'],
  ['pull', '--ouput', '--output'],
  ['score', '--comand', '--command'],
  ['recipe', '--ymal', '--yaml'],
  ['jobs', '--statsu', '--status'],
  ['help', '--nmaes', '--names'],
])('an unknown option of %s names the nearest one', async (command, option, nearest) => {
  expect(await refused([command, 'x', option, 'y'])).toEqual({
    code: 2,
    lines: [`tureen: unknown option '${option}' (Did you mean ${nearest}?)`],
  })
})

const commands: [string, ...string[]][] = [
  ['push', 'ft0.onnx'],
  ['pull', 'x', '-o', 'out.onnx'],
  ['ls'],
  ['jobs'],
  ['label', 'x', 'a=b'],
  ['rm', 'x'],
  ['watch', 'x'],
  ['cancel', 'x'],
  ['recipe', 'x', '-o', 'out.json'],
  ['score', 'x', '--command', 'cat {model}'],
]

test.each(commands)('%s tells that the server is not there, and what to do', async (...given) => {
  const { code, lines } = await refused([...given, '--server', 'http://127.0.0.1:9'])
  expect({ code, first: lines[0] }).toEqual({
    code: 1,
    first: `tureen ${given[0]}: The server http://127.0.0.1:9 cannot be used.`,
  })
  expect(lines.at(-1)).toMatch(/^ {2}Start it, or correct --server/)
})

test.each(commands)('%s tells that its token is refused, and where tokens come from', async (...given) => {
  const { code, lines } = await refused(given, { TUREEN_URL: app.url, TUREEN_TOKEN: 'wrong' })
  expect(code).toBe(1)
  expect(lines[0]).toMatch(new RegExp(`^tureen ${given[0]}: .*no such token`))
  expect(lines.at(-1)).toBe('  Set TUREEN_TOKEN, or name a file with the token by TUREEN_TOKEN_FILE or --token-file.')
})

test('a token that may only read is told what it lacks', async () => {
  const { code, lines } = await refused(['push', 'ft0.onnx'], { TUREEN_URL: app.url, TUREEN_TOKEN: reader })
  expect(code).toBe(1)
  expect(lines).toHaveLength(1)
  expect(lines[0]).toMatch(/scope/)
})

test('something that is no Tureen is told so', async () => {
  const other = createServer(
    (_, answer) => void answer.writeHead(200, { 'content-type': 'text/html' }).end('<h1>It works</h1>'),
  )
  const url = `http://127.0.0.1:${await listenOn(other)}`
  const { code, lines } = await refused(['ls', '--server', url])
  expect(code).toBe(1)
  expect(lines.join('\n')).toMatch(/cannot be used\.\n {2}.*should be JSON/)
  other.close()
})

describe('a server of another version', () => {
  /** Passes everything on to the server, but says that it has this version, and does not know `sort` and the path of recipes. */
  async function startOther(version: string) {
    const proxy = createServer((asked, answer) => {
      const url = (asked.url ?? '').replace('sort=', 'srot=').replace(/\/recipe$/, '/recipes')
      const headers = { ...asked.headers, 'accept-encoding': 'identity' }
      const passed = request(`${app.url}${url}`, { method: asked.method, headers }, async response => {
        const text = Buffer.concat(await response.toArray()).toString()
        const shown =
          asked.url === '/openapi.json'
            ? text.replace(`"version":"${packageJson.version}"`, `"version":"${version}"`)
            : text
        const { 'content-length': _, ...kept } = response.headers
        answer.writeHead(response.statusCode ?? 0, kept)
        answer.end(asked.url?.startsWith('/v1/jobs') ? '{"elements":[]}' : shown)
      })
      asked.pipe(passed)
    })
    return { url: `http://127.0.0.1:${await listenOn(proxy)}`, close: () => void proxy.close() }
  }

  test.each([
    ['0.0.9', ['ls', '--sort', 'name']],
    ['9.0.0', ['recipe', 'x']],
    ['9.0.0', ['jobs']],
  ])('%s is named beside what it does not know: %j', async (version, parameters) => {
    const other = await startOther(version)
    const { code, lines } = await refused(parameters, { TUREEN_URL: other.url, TUREEN_TOKEN: writer })
    expect(code).toBe(1)
    expect(lines.at(-1)).toBe(
      `  The server has version ${version}, and this command ${packageJson.version}: one may not know what the other asks for. Install the same version on both.`,
    )
    other.close()
  })

  test('is not named where a model is unknown, or the versions are equal', async () => {
    for (const [version, parameters] of [
      ['9.0.0', ['pull', 'x', '-o', 'out.onnx']],
      [packageJson.version, ['ls', '--sort', 'name']],
    ] as const) {
      const other = await startOther(version)
      const { lines } = await refused([...parameters], { TUREEN_URL: other.url, TUREEN_TOKEN: writer })
      expect(lines.join()).not.toContain('The server has version')
      other.close()
    }
  })
})
