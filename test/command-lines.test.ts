import { execFile } from 'node:child_process'
import { mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { environment, secretVariables } from '../src/configuration/environment.ts'
import { projectRoot, temporaryDirectory } from './support/server.ts'

let directory: Awaited<ReturnType<typeof temporaryDirectory>>
beforeAll(async () => {
  directory = await temporaryDirectory()
  await mkdir(join(directory.path, 'empty'))
})
afterAll(() => directory.remove())

type Ended = { code: number | null; stdout: string; stderr: string }
const run = (name: string, ...given: string[]) =>
  new Promise<Ended>(resolve => {
    const child = execFile(
      process.execPath,
      [scripts[name] ?? 'src/server.ts', ...given],
      { cwd: projectRoot },
      (_, stdout, stderr) => resolve({ code: child.exitCode, stdout, stderr }),
    )
  })

const scripts: Record<string, string> = {
  attack: 'test/attack/main.ts',
  bench: 'test/bench/main.ts',
  corpus: 'test/corpus/main.ts',
  fuzz: 'test/fuzz/main.ts',
  large: 'test/large/main.ts',
  simulate: 'test/simulation/main.ts',
  soak: 'test/soak/main.ts',
  'check-store': 'src/check-store.ts',
  backup: 'src/backup.ts',
  migrate: 'src/migrate.ts',
  'build:operators': 'operators/build.ts',
  'build:kernel': 'kernel/build.ts',
  'build:docs': 'docs/generator/main.ts',
  release: 'release/main.ts',
  example: 'examples/digits/soup.ts',
}
const wrong: [string, string[], string][] = [
  ...Object.keys(scripts).map((name): [string, string[], string] => [
    name,
    ['--nonsense'],
    "Unknown option '--nonsense'",
  ]),
  ['attack', ['--only', 'nonsense'], '--only nonsense'],
  ['attack', ['nonsense'], 'Unexpected argument'],
  ['bench', ['nonsense'], 'No row or group is called nonsense'],
  ['bench', ['--runs', '0'], '--runs 0'],
  ['corpus', [], 'Name one directory or more'],
  ['corpus', ['no-such-directory'], 'no-such-directory is not a directory'],
  ['fuzz', [], 'Say what to fuzz'],
  ['fuzz', ['models', '--count', 'many'], '--count many'],
  ['large', ['--bytes', 'much'], '--bytes much'],
  ['large', ['much'], 'Unexpected argument'],
  ['simulate', ['--seeds', '0'], '--seeds 0'],
  ['simulate', ['--mutant', 'nonsense'], '--mutant nonsense'],
  ['soak', ['--minutes', '-1'], '--minutes'],
  ['check-store', [], 'Name one directory'],
  ['check-store', ['a', 'b'], 'Name one directory'],
  ['check-store', ['--catalog', 'sqlite'], '--catalog sqlite: must be postgres'],
  ['check-store', ['a', '--catalog', 'postgres'], 'set TUREEN_DATABASE_URL'],
  ['check-store', ['--content', 's3://bucket'], 'Name one directory'],
  ['check-store', ['a', '--content', 's3://bucket', '--recover'], '--recover: works on stores'],
  ['backup', [], 'Name one directory'],
  ['migrate', [], 'Say what to move'],
  ['migrate', ['--to', 'sqlite'], '--to sqlite: must be postgres'],
  ['migrate', ['--to', 'postgres'], 'set TUREEN_DATABASE_URL'],
  ['migrate', ['--content', 'bucket'], '--content bucket: must be a bucket'],
  ['build:operators', [], 'Name one directory'],
  ['build:operators', ['no-such-directory', '--release', '1.0.0'], 'does not hold the file Changelog.md'],
]

test.each(wrong)('%s %j is refused in one line and the usage', async (name, given, reason) => {
  const { code, stdout, stderr } = await run(name, ...given)
  const [message, usage, ...more] = stderr.split('\n')
  expect(message).toContain(reason)
  expect(usage).toMatch(new RegExp(`^usage: npm run ${name}( -- |$)`))
  expect(more.join('\n')).not.toContain('    at ')
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
})

test.each(['check-store', 'migrate', 'release'])('%s --help shows the usage, and does nothing', async name => {
  const { code, stdout, stderr } = await run(name, '--help')
  expect(stdout).toMatch(new RegExp(`^usage: npm run ${name}( -- |\\n)`))
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
})

test('npm start -- --help shows how the server is configured', async () => {
  const { code, stdout } = await run('server', '--help')
  expect(stdout).toMatch(/^usage: npm start\n.*docs\/reference\/configuration\.md/)
  expect(code).toBe(0)
})

test('a corpus without a file is no success', async () => {
  const { code, stdout } = await run('corpus', join(directory.path, 'empty'))
  expect(stdout).toContain('nothing was tried')
  expect(code).toBe(1)
})

test('a directory that is no store is refused in one line', async () => {
  const { code, stderr } = await run('check-store', join(directory.path, 'empty'))
  expect(stderr).toMatch(/^check-store: .* is not a store of Tureen: .*\n$/)
  expect(code).toBe(1)
  expect(await readdir(join(directory.path, 'empty'))).toEqual([])
})

test('tureen names the nearest command, and hands the arguments after a command to it', async () => {
  const tureen = (...given: string[]) =>
    new Promise<Ended>(resolve => {
      const child = execFile(process.execPath, ['src/tureen.ts', ...given], { cwd: projectRoot }, (_, stdout, stderr) =>
        resolve({ code: child.exitCode, stdout, stderr }),
      )
    })
  expect(await tureen('bakcup')).toEqual({
    code: 2,
    stdout: '',
    stderr: "tureen: unknown command 'bakcup' (Did you mean backup?)\n",
  })
  expect(await tureen('backup', 'a', 'b')).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/^Name one directory/),
  })
  expect(await tureen('serve', '--prot', '80')).toEqual({
    code: 2,
    stdout: '',
    stderr: "tureen: unknown option '--prot' (Did you mean --port?)\n",
  })
  expect(await tureen('serve', '--port', 'http')).toEqual({
    code: 1,
    stdout: '',
    stderr: 'tureen: The environment is not valid. PORT=http: must be a whole number\n',
  })
  expect(await tureen('--version')).toMatchObject({ code: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) })
})

test('tureen serve has an option for each variable that is no secret', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, ['src/tureen.ts', 'serve', '--help'], {
    cwd: projectRoot,
  })
  const options = [...stdout.matchAll(/^ {2}--([a-z0-9-]+) <value>/gm)].map(([, name]) => name)
  expect(options).toEqual(expect.arrayContaining(['port', 'data', 'tokens-file', 'max-uploads']))
  expect(options.length).toBe(Object.keys(environment.shape).length - secretVariables.size)
  for (const secret of ['tokens', 'database-url', 'database-direct-url']) expect(options).not.toContain(secret)
})
