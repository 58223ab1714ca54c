import { copyFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { exportedNet, safetensorsOf, trainedNet } from '../support/exported-net.ts'
import { json, postJson, uploadModel } from '../support/http-client.ts'
import { projectFile, projectRoot, startApp, temporaryDirectory } from '../support/server.ts'
import { typed } from '../support/typed-command.ts'

let directory: Awaited<ReturnType<typeof temporaryDirectory>>
let app: Awaited<ReturnType<typeof startApp>>
let validate: (schema: object, document: unknown) => string[]
beforeAll(async () => {
  directory = await temporaryDirectory()
  for (const name of ['ft0.onnx', 'ft1.onnx', 'val.npz'])
    await copyFile(join(projectRoot, 'examples/digits', name), join(directory.path, name))
  await writeFile(join(directory.path, 'net.onnx'), exportedNet(trainedNet(1)))
  await writeFile(join(directory.path, 'net.safetensors'), safetensorsOf(trainedNet(1)))
  app = await startApp({ TUREEN_RATE_LIMIT: '0' })
  const document = await json<object>(await fetch(`${app.url}/openapi.json`))
  const ajv = new Ajv2020({ strict: false, validateFormats: false })
  ajv.addSchema(document, 'api')
  validate = (schema, document) => {
    const check = ajv.compile(schema)
    return check(document) ? [] : (check.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`)
  }
})
afterAll(async () => {
  await app.close()
  await directory.remove()
})

const named = (name: string) => ({ $ref: `api#/components/schemas/${name}` })
const listOf = (name: string) => ({
  type: 'object',
  required: ['items'],
  properties: { items: { type: 'array', items: named(name) } },
})

/** A command with the arguments that follow it, and the schema of what it writes with --json. */
type Documented = [command: string, parameters: () => string[] | Promise<string[]>, schema: object]

const added = async (name: string) =>
  (await uploadModel(app.url, await projectFile('examples/digits/ft0.onnx'), `name=${name}`)).id
const started = async (path: string, body: object) =>
  (await json<{ id: string }>(await postJson(`${app.url}${path}`, body))).id
const outside = { external: { name: 'of-tests', version: '1' }, direction: 'max', reuse: false }
const pair = async () => [{ id: await added('a') }, { id: await added('b') }]

const documented: Documented[] = [
  ['soup', () => ['ft0.onnx', 'ft1.onnx', '-o', 'soup.onnx'], named('MergeJob')],
  ['search', () => ['ft0.onnx', 'ft1.onnx', '--data', 'val.npz'], named('SearchJob')],
  ['search', () => ['ft0.onnx', 'ft1.onnx', '--score', 'wc -c < {model}'], named('SearchJob')],
  ['evaluate', () => ['ft0.onnx', '--data', 'val.npz'], named('EvaluationJob')],
  ['compare', () => ['ft0.onnx', 'ft1.onnx'], named('ComparisonJob')],
  ['export', () => ['net.onnx', '--checkpoint', 'net.safetensors'], named('ExportJob')],
  ['inspect', () => ['ft0.onnx'], named('Model')],
  ['inspect', () => ['ft0.onnx', '--tensor', 'conv2.weight'], named('TensorSummary')],
  ['push', () => ['ft0.onnx'], named('Model')],
  ['push', () => ['val.npz'], named('Dataset')],
  ['push', () => ['ft0.onnx', 'ft1.onnx'], listOf('Model')],
  ['ls', () => [], named('ModelPage')],
  ['ls', () => ['datasets'], named('DatasetPage')],
  ['ls', () => ['exports'], named('ExportPage')],
  ['ls', () => ['jobs'], named('JobPage')],
  ['jobs', () => [], named('JobPage')],
  ['pull', async () => [await added('pulled'), '-o', 'pulled.onnx'], named('Model')],
  ['label', async () => [await added('labelled'), 'stage=kept', '--name', 'renamed'], named('Model')],
  ['rm', async () => [await added('removed')], named('Model')],
  ['watch', async () => [await started('/v1/merges', { models: await pair() })], named('Job')],
  [
    'recipe',
    async () => {
      const job = await json<{ result: { model: { id: string } } }>(
        await postJson(`${app.url}/v1/merges?wait=45`, { models: await pair() }),
      )
      return [job.result.model.id]
    },
    named('Recipe'),
  ],
  [
    'cancel',
    async () => [
      await started('/v1/searches', { models: await pair(), strategy: { type: 'greedy' }, selection: outside }),
    ],
    named('Job'),
  ],
  [
    'score',
    async () => [
      await started('/v1/searches', { models: await pair(), strategy: { type: 'greedy' }, selection: outside }),
      '--command',
      'wc -c < {model}',
    ],
    named('CandidatePage'),
  ],
]

test.each(documented)('%s --json writes a document of the API', async (command, parameters, schema) => {
  const given = [command, ...(await parameters()), '--json', '--quiet']
  const ended = await typed(given, { cwd: directory.path, env: { TUREEN_URL: app.url } })
  expect(ended).toMatchObject({ code: 0, stderr: '' })
  const document: unknown = JSON.parse(ended.stdout)
  expect(validate(schema, document)).toEqual([])
  expect(validate(schema, { ...Object(document), id: 7, items: [7], models: 7 })).not.toEqual([])
})

test('every command that takes --json is above', async () => {
  const { stdout } = await typed(['--help'], { cwd: directory.path })
  const commands = [...stdout.matchAll(/^ {2}([a-z]+) \[arguments\.\.\.\]/gm)].map(([, name = '']) => name)
  const above = new Set(documented.map(([command]) => command))
  for (const command of commands.filter(name => !above.has(name))) {
    const help = await typed([command, '--help'], { cwd: directory.path })
    expect(help.stdout, command).not.toContain('--json')
  }
})
