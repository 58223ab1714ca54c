import { execFile } from 'node:child_process'
import { cp, mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { projectRoot, startApp, temporaryDirectory } from '../support/server.ts'

const here = join(projectRoot, 'test/clients')
const examples = ['ft0.onnx', 'ft1.onnx'].map(name => join(projectRoot, 'examples/digits', name))

let app: Awaited<ReturnType<typeof startApp>>
let directory: Awaited<ReturnType<typeof temporaryDirectory>>
let document: string

const within = (...parts: string[]) => join(directory.path, ...parts)

/** Runs a program of a package with this Node, and gives what it printed. */
async function run(program: string, parameters: readonly string[]): Promise<string> {
  const bin = join(here, 'node_modules/.bin', program)
  // No tool may ask the network for newer versions of itself, or tell it of this run.
  const env = { ...process.env, REDOCLY_TELEMETRY: 'off', REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true' }
  const done = promisify(execFile)(process.execPath, [bin, ...parameters], { cwd: directory.path, env })
  const { stdout, stderr } = await done.catch((error: { stdout: string; stderr: string }) => {
    throw new Error(`${program} failed:\n${error.stdout}\n${error.stderr}`)
  })
  return `${stdout}${stderr}`
}

beforeAll(async () => {
  app = await startApp()
  directory = await temporaryDirectory()
  document = within('openapi.json')
  await writeFile(document, await (await fetch(`${app.url}/openapi.json`)).text())
  await writeFile(within('package.json'), '{"type": "module"}')
  await symlink(join(here, 'node_modules'), within('node_modules'))
  await mkdir(within('generated'))
  await cp(join(here, 'programs'), within('programs'), { recursive: true })
})
afterAll(async () => {
  await app.close()
  await directory.remove()
})

describe('the OpenAPI document', () => {
  test('passes the recommended rules of Redocly without a warning', async () => {
    const said = await run('redocly', ['lint', '--extends', 'recommended', document])
    expect(said).toContain('is valid')
    expect(said).not.toMatch(/warning|error/i)
  })

  test("passes spectral's rules for OpenAPI without a hint", async () => {
    await writeFile(within('.spectral.yaml'), 'extends: ["spectral:oas"]\n')
    expect(
      await run('spectral', ['lint', '--ruleset', within('.spectral.yaml'), '--fail-severity', 'hint', document]),
    ).toMatch(/No results/)
  })
})

describe('a client', () => {
  const strict = [
    '--strict',
    '--target',
    'es2022',
    '--module',
    'nodenext',
    '--skipLibCheck',
    'false',
    '--types',
    'node',
  ]

  /** Compiles a program with TypeScript's strict checks, runs it against the server, and gives what it found. */
  async function drive(program: string): Promise<unknown> {
    await run('tsc', [...strict, '--outDir', within('out'), within('programs', `${program}.ts`)])
    await writeFile(within('out/package.json'), '{"type": "module"}')
    const { stdout } = await promisify(execFile)(process.execPath, [
      within('out/programs', `${program}.js`),
      app.url,
      ...examples,
    ])
    return JSON.parse(stdout)
  }

  const found = (soup: unknown) => ({
    status: 'succeeded',
    soup,
    listed: [soup],
    refused: 'TUREEN_NOT_FOUND',
    statusCode: 404,
  })

  test('that openapi-typescript generates compiles, and merges models', async () => {
    await run('openapi-typescript', [document, '--output', within('generated/schema.ts')])
    const answer = Object(await drive('openapi-fetch'))
    expect(answer).toEqual(found(expect.any(String)))
    expect(answer.listed).toEqual([answer.soup])
  })

  test('that @hey-api/openapi-ts generates compiles, and merges models', async () => {
    await run('openapi-ts', [
      '--input',
      document,
      '--output',
      within('generated/hey-api'),
      '--client',
      '@hey-api/client-fetch',
    ])
    const answer = Object(await drive('hey-api'))
    expect(answer).toEqual(found(expect.any(String)))
    expect(answer.listed).toEqual([answer.soup])
  })
})
