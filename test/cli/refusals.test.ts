import { copyFile, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { JobSummary } from '../../schemas/job.ts'
import { json } from '../support/http-client.ts'
import { linearModel } from '../support/onnx-model.ts'
import { projectRoot, startApp, temporaryDirectory } from '../support/server.ts'
import { startCommand, typed } from '../support/typed-command.ts'

const token = 'a-token-of-the-tests-of-commands'
let directory: Awaited<ReturnType<typeof temporaryDirectory>>
let app: Awaited<ReturnType<typeof startApp>>
let before: string[]
beforeAll(async () => {
  directory = await temporaryDirectory()
  await mkdir(join(directory.path, 'temporary'))
  await writeFile(join(directory.path, 'token'), `${token}\n`)
  await writeFile(join(directory.path, 'rules.json'), '{"rules": 7')
  for (const name of ['ft0.onnx', 'ft1.onnx', 'ft3.onnx', 'ft4.onnx', 'ft5.onnx', 'val.npz'])
    await copyFile(join(projectRoot, 'examples/digits', name), join(directory.path, name))
  before = await readdir(directory.path)
  app = await startApp({ TUREEN_TOKENS: `writer:write:${token}` })
})
afterAll(async () => {
  await app.close()
  await directory.remove()
})

const run = (parameters: string[], env: Record<string, string> = {}) => typed(parameters, { cwd: directory.path, env })

/** Ends of commands that need no server: the arguments, the exit code, and the first line of the error. */
const refused: [string, string[], number, RegExp][] = [
  [
    'an unknown option names the nearest one',
    ['soup', 'ft0.onnx', '--wieghts', '1', '-o', 'out.onnx'],
    2,
    /^tureen: unknown option '--wieghts' \(Did you mean --weights\?\)\n$/,
  ],
  [
    'an unknown command names the nearest one',
    ['saerch'],
    2,
    /^tureen: unknown command 'saerch' \(Did you mean search\?\)\n$/,
  ],
  [
    'a missing option is named',
    ['soup', 'ft0.onnx'],
    2,
    /^tureen: required option '-o, --output <file>' not specified\n$/,
  ],
  [
    'a file that does not exist',
    ['soup', 'ft9.onnx', '-o', 'out.onnx'],
    2,
    /There is no file ft9\.onnx\. Correct the path\.\n$/,
  ],
  [
    'a directory in place of a file',
    ['inspect', '.'],
    2,
    /: \. is a directory\. Name the files in it, such as \.\/\*\.onnx\.\n$/,
  ],
  [
    'an output that exists',
    ['soup', 'ft0.onnx', '-o', 'ft1.onnx'],
    2,
    /: ft1\.onnx exists already\. Add --force to replace it, or name another file\.\n$/,
  ],
  [
    'an output that is a device',
    ['soup', 'ft0.onnx', 'ft1.onnx', '-o', '/dev/full', '--force'],
    2,
    /: \/dev\/full exists already, and is no regular file\. Name another file\.\n$/,
  ],
  [
    'an output in no directory',
    ['soup', 'ft0.onnx', '-o', 'no/out.onnx'],
    2,
    /: no\/out\.onnx cannot be written: there is no directory no\./,
  ],
  [
    'as many weights as models',
    ['soup', 'ft0.onnx', 'ft1.onnx', '--weights', '1', '-o', 'out.onnx'],
    2,
    /: --weights 1: has 1 weights, and there are 2 models\. Give one for each\.\n$/,
  ],
  [
    'weights that are no numbers',
    ['soup', 'ft0.onnx', '--weights', 'a', '-o', 'out.onnx'],
    2,
    /: --weights a: must be numbers/,
  ],
  [
    'a document that is damaged',
    ['soup', 'ft0.onnx', '--rules', 'rules.json', '-o', 'out.onnx'],
    2,
    /: rules\.json is neither JSON nor YAML: /,
  ],
  [
    'a parameter that the strategy does not have',
    ['search', 'ft0.onnx', '--data', 'val.npz', '--strategy', 'topK', '--strategy-set', 'kk=3'],
    2,
    /The strategy topK cannot have these parameters.*\n {2}.*kk/,
  ],
  [
    'a server that is not there',
    ['inspect', 'ft0.onnx', '--server', 'http://127.0.0.1:9'],
    1,
    /The server http:\/\/127\.0\.0\.1:9 cannot be used\.\n {2}.*\n {2}Start it, /,
  ],
  [
    'an id without a server',
    ['inspect', '0'.repeat(64)],
    2,
    /There is no file 0{64}\. If it is an id, name its server with --server/,
  ],
]

test.each(refused)('%s', async (_, parameters, code, message) => {
  const ended = await run(parameters)
  expect(ended).toMatchObject({ code, stdout: '', stderr: expect.stringMatching(message) })
  expect(ended.stderr).not.toMatch(/\n {4}at /)
  expect(await readdir(directory.path)).toEqual(before)
})

describe('on a server', () => {
  const served = (parameters: string[], env: Record<string, string> = {}) =>
    run(parameters, { TUREEN_URL: app.url, TUREEN_TOKEN: token, ...env })
  const items = async <Item>(list: string) => {
    const response = await fetch(`${app.url}/v1/${list}`, { headers: { authorization: `Bearer ${token}` } })
    return (await json<{ items: Item[] }>(response)).items
  }

  test('a token that is refused, and a file with the right one', async () => {
    const refusal = await served(['inspect', 'ft0.onnx'], { TUREEN_TOKEN: 'wrong' })
    expect(refusal).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringMatching(/no such token\..*\n {2}Set TUREEN_TOKEN/),
    })
    const accepted = await served(['inspect', 'ft0.onnx'], { TUREEN_TOKEN: '', TUREEN_TOKEN_FILE: 'token' })
    expect(accepted).toMatchObject({ code: 0, stderr: '' })
  })

  test('what the server refuses comes with its reason, and nothing is written', async () => {
    const method = await served(['soup', 'ft0.onnx', 'ft1.onnx', '--method', 'linaer', '-o', 'out.onnx'])
    expect(method).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/no merge method linaer; did you mean linear\?/),
    })
    const file = await served(['soup', 'ft0.onnx', 'val.npz', '-o', 'out.onnx'])
    expect(file).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^tureen soup: val\.npz: The file is a zip archive/),
    })
    expect(await readdir(directory.path)).toEqual(before)
    expect(await items('models')).toEqual([])
  })

  test('a model is called by its file, and not by the id that it has for a moment', async () => {
    await writeFile(join(directory.path, 'temporary/other.onnx'), linearModel([1, 2, 3, 4], [1, 2]))
    const ended = await served(['soup', 'ft0.onnx', 'temporary/other.onnx', '-o', 'out.onnx'])
    expect(ended).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('temporary/other.onnx') })
    expect(ended.stderr).not.toMatch(/[0-9a-f]{8}-[0-9a-f]{4}-/)
    await rm(join(directory.path, 'temporary/other.onnx'))
  })

  test('a search without an improvement ends with code 3 and writes no file', async () => {
    const searched = ['search', 'ft4.onnx', 'ft5.onnx', '--data', 'val.npz', '-o', 'out.onnx', '--require-improvement']
    expect(await served(searched)).toMatchObject({
      code: 3,
      stderr: expect.stringMatching(/^not met: No soup is better/),
    })
    expect(await readdir(directory.path)).toEqual(before)
  })

  test('notes end a search and an evaluation with code 1 if they are told so, and no file is written', async () => {
    // A search without test data has the note that its score is too optimistic.
    const searched = ['search', 'ft0.onnx', 'ft1.onnx', '--data', 'val.npz', '-o', 'out.onnx', '--fail-on-warnings']
    expect(await served(searched)).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/^note: /m),
      stderr: expect.stringMatching(/^not met: The result has notes, and --fail-on-warnings is given/),
    })
    expect(await readdir(directory.path)).toEqual(before)
    const evaluated = ['evaluate', 'ft0.onnx', '--data', 'val.npz', '--fail-on-warnings', '--metric']
    expect(await served([...evaluated, 'accuracy'])).toMatchObject({ code: 0, stderr: '' })
    // Outputs read as logits are an assumption.
    expect(await served([...evaluated, 'crossEntropy'])).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/^note: .*logits/m),
      stderr: expect.stringMatching(/^not met: The scores have notes/),
    })
  })

  test('models that stay on the server can be named by id, and those alone stay', async () => {
    expect(await served(['evaluate', 'ft0.onnx', '--data', 'val.npz', '--keep'])).toMatchObject({ code: 0 })
    const [kept] = await items<{ id: string }>('models')
    const [data] = await items<{ id: string }>('datasets')
    const again = await served(['evaluate', kept?.id ?? '', '--data', data?.id ?? '', '--metric', 'accuracy'])
    expect(again).toMatchObject({ code: 0, stdout: expect.stringMatching(/^accuracy +0\.8$/m) })
    expect(await items('models')).toHaveLength(1)
    expect(await items('jobs')).toHaveLength(1)
  })

  test('Ctrl-C cancels the job, and takes what the command has put there', async () => {
    const known = { models: await items('models'), datasets: await items('datasets'), jobs: await items('jobs') }
    const endless = [
      'search',
      'ft0.onnx',
      'ft1.onnx',
      'ft3.onnx',
      '--data',
      'val.npz',
      '-o',
      'out.onnx',
      '--strategy',
      'cmaEs',
      '--strategy-set',
      'generations=1000',
    ]
    const { process, ended } = startCommand(endless, {
      cwd: directory.path,
      env: { TUREEN_URL: app.url, TUREEN_TOKEN: token },
    })
    while (!(await items<JobSummary>('jobs')).some(({ status }) => status === 'running')) await delay(50)
    process.kill('SIGINT')
    expect(await ended).toEqual({ code: 130, stdout: '', stderr: '' })
    for (const [list, had] of Object.entries(known)) expect(await items(list), list).toEqual(had)
    expect(await readdir(directory.path)).toEqual(before)
  })
})

test('Ctrl-C ends a command without a server, and leaves no file', async () => {
  const temporary = join(directory.path, 'temporary')
  const endless = [
    'search',
    'ft0.onnx',
    'ft1.onnx',
    'ft3.onnx',
    '--data',
    'val.npz',
    '--strategy',
    'cmaEs',
    '--strategy-set',
    'generations=1000',
  ]
  const { process, ended } = startCommand(endless, { cwd: directory.path, env: { TMPDIR: temporary } })
  const hasContent = async () => {
    const [own] = await readdir(temporary)
    if (own === undefined) return false
    return (await readdir(join(temporary, own, 'store/content')).catch(() => [])).length > 3
  }
  while (!(await hasContent())) await delay(50)
  process.kill('SIGINT')
  expect(await ended).toEqual({ code: 130, stdout: '', stderr: '' })
  expect(await readdir(temporary)).toEqual([])
})

test('a store that is named stays, and answers a second command', async () => {
  const soup = ['soup', 'ft0.onnx', 'ft1.onnx', '--store', 'temporary/store']
  expect(await run([...soup, '-o', 'temporary/first.onnx'])).toMatchObject({ code: 0 })
  expect(await run([...soup, '-o', 'temporary/second.onnx'])).toMatchObject({ code: 0 })
  const [first, second] = await Promise.all(
    ['first', 'second'].map(name => readFile(join(directory.path, `temporary/${name}.onnx`))),
  )
  expect(first).toEqual(second)
})
