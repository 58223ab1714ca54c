import { copyFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { findData } from '../../cli/search-data.ts'
import { mergeJob, searchJob } from '../../schemas/job.ts'
import { initializerDigests } from '../support/http-client.ts'
import { projectRoot, temporaryDirectory } from '../support/server.ts'
import { shell, typed } from '../support/typed-command.ts'

let directory: Awaited<ReturnType<typeof temporaryDirectory>>
let before: string[]
let expected: { two_three: { tensors: Record<string, string> } }
const path = (name: string) => join(directory.path, name)
const run = (...parameters: string[]) => typed(parameters, { cwd: directory.path, env: { TMPDIR: path('temporary') } })

beforeAll(async () => {
  directory = await temporaryDirectory()
  await mkdir(path('temporary'))
  await mkdir(path('configured'))
  for (const name of ['ft0.onnx', 'ft1.onnx', 'val.npz', 'test.npz'])
    await copyFile(join(projectRoot, 'examples/digits', name), path(name))
  await writeFile(
    path('configured/merge.yaml'),
    `merge_method: linear
models:
  - model: ../ft0
    parameters: {weight: 2}
  - model: ../ft1.onnx
    parameters: {weight: 03}
`,
  )
  expected = JSON.parse(await readFile(join(projectRoot, 'examples/digits/expected.json'), 'utf8'))
  before = await readdir(directory.path)
})
afterAll(() => directory.remove())

describe('a pipe', () => {
  test('brings a model, and takes the soup', async () => {
    const line = 'tureen soup - ft1.onnx --weights 2,3 -o - < ft0.onnx | cat > temporary/piped.onnx'
    const ended = await shell(line, { cwd: directory.path })
    expect(ended).toMatchObject({ code: 0, stdout: '', stderr: expect.stringMatching(/^standard output: 160 KB/) })
    expect(initializerDigests(await readFile(path('temporary/piped.onnx')))).toMatchObject(expected.two_three.tensors)
  })

  test('is no terminal, and standard input is read once', async () => {
    const [terminal, twice, json] = await Promise.all([
      shell('script -qec "tureen soup ft0.onnx -o -" /dev/null', { cwd: directory.path }),
      run('soup', '-', '-', '-o', 'out.onnx'),
      run('soup', 'ft0.onnx', '-o', '-', '--json'),
    ])
    expect(terminal).toMatchObject({ code: 2, stdout: expect.stringMatching(/which is a terminal\. Redirect it/) })
    expect(twice).toMatchObject({ code: 2, stderr: expect.stringMatching(/can be read once/) })
    expect(json).toMatchObject({ code: 2, stdout: '', stderr: expect.stringMatching(/leave that out/) })
    expect(await readdir(directory.path)).toEqual(before)
  })
})

test('@FILE is a configuration of mergekit whose paths count from its directory', async () => {
  const ended = await run('soup', '@configured/merge.yaml', '-o', 'temporary/configured.onnx')
  expect(ended).toMatchObject({ code: 0, stderr: '' })
  expect(initializerDigests(await readFile(path('temporary/configured.onnx')))).toMatchObject(
    expected.two_three.tensors,
  )
})

test('--dry-run says what a soup would be, and writes nothing', async () => {
  const ended = await run('soup', 'ft0.onnx', 'ft1.onnx', '-o', 'out.onnx', '--dry-run')
  expect(ended).toMatchObject({ code: 0, stderr: '', stdout: expect.stringMatching(/^These models can be merged/) })
  expect(ended.stdout).toMatch(/^input: ft1, 159 KB, sha256:[0-9a-f]{64}\noutput: out\.onnx$/m)
  const refused = await run('soup', 'ft0.onnx', 'ft1.onnx', '-o', 'out.onnx', '--dry-run', '--method', 'ties')
  expect(refused).toMatchObject({ code: 1, stdout: '', stderr: expect.stringMatching(/name the base/) })
  expect(await readdir(directory.path)).toEqual(before)
})

test('--ndjson writes one document in each line, the job at the end', async () => {
  const { code, stdout, stderr } = await run('soup', 'ft0.onnx', 'ft1.onnx', '-o', 'temporary/n.onnx', '--ndjson')
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  const lines = stdout
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line))
  const last = lines.pop()
  expect(last.type).toBe('done')
  expect(mergeJob.parse(last.job)).toMatchObject({ status: 'succeeded' })
  for (const { type, jobId } of lines) expect([type, jobId]).toEqual([expect.any(String), last.job.id])
})

test.each<[string, string[], RegExp]>([
  ['a mergekit configuration names its models', ['@configured/merge.yaml', 'ft0.onnx'], /Leave out ft0\.onnx/],
  ['and its settings', ['@configured/merge.yaml', '--no-normalize'], /Leave out --no-normalize/],
  ['one recipe is enough', ['@configured/merge.yaml', '--recipe', 'x.yaml'], /two recipes/],
  ['--dry-run has no document', ['ft0.onnx', '--dry-run', '--json'], /--dry-run and --json exclude/],
  ['--json and --ndjson', ['ft0.onnx', '--ndjson', '--json'], /--json and --ndjson exclude/],
  ['no model', [], /at least one model/],
])('tureen soup refuses: %s', async (_, parameters, message) => {
  const ended = await run('soup', ...parameters, '-o', 'out.onnx')
  expect(ended).toMatchObject({ code: 2, stdout: '', stderr: expect.stringMatching(message) })
})

describe('several data sets', () => {
  const find = (data: string[], more: { test?: string[]; metric?: string[] } = {}) =>
    findData({ data: data.map(path), ...more }, {})

  test('may have weights behind a colon; a file of that name goes before', async () => {
    await copyFile(path('val.npz'), path('temporary/odd:2'))
    const weights = async (...data: string[]) => (await find(data)).map(({ weight }) => weight)
    expect(await weights('val.npz', 'test.npz:0.5', 'val.npz:1e2')).toEqual([undefined, 0.5, 100])
    expect(await weights('temporary/odd:2', 'temporary/odd:2:3')).toEqual([undefined, 3])
    await expect(find(['val.npz:-1'])).rejects.toThrow(/must be a number above 0/)
    await expect(find(['val.npz:x'])).rejects.toThrow(/the weight x must be/)
  })

  test('have as many tests, and one metric or as many', async () => {
    await expect(find(['val.npz', 'test.npz'], { test: [path('test.npz')] })).rejects.toThrow(
      /2 data sets.*1 in --test/,
    )
    await expect(find(['val.npz'], { metric: ['accuracy', 'crossEntropy'] })).rejects.toThrow(/2 metrics/)
    const metrics = (await find(['val.npz', 'test.npz'], { metric: ['crossEntropy'] })).map(({ metric }) => metric)
    expect(metrics).toEqual(['crossEntropy', 'crossEntropy'])
  })

  test('make a list of terms in the request', async () => {
    const data = ['--data', 'val.npz:2', '--data', 'val.npz:0.5', '--metric', 'accuracy', '--metric', 'crossEntropy']
    const tests = ['--test', 'test.npz', '--test', 'test.npz']
    const ended = await run('search', 'ft0.onnx', 'ft1.onnx', ...data, ...tests, '--json')
    expect(ended).toMatchObject({ code: 0, stderr: '' })
    const { request, result } = searchJob.parse(JSON.parse(ended.stdout))
    expect(request.selection).toMatchObject([
      { metric: 'accuracy', weight: 2 },
      { metric: 'crossEntropy', weight: 0.5 },
    ])
    expect(request.test).toHaveLength(2)
    expect(result?.terms?.map(({ metric, weight, test }) => [metric, weight, test === null])).toEqual([
      ['accuracy', 2, false],
      ['crossEntropy', 0.5, false],
    ])
  })
})
