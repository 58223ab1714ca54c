import { cp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import onnxProto from 'onnx-proto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { comparisonJob, evaluationJob, mergeJob, searchJob } from '../../schemas/job.ts'
import { model } from '../../schemas/model.ts'
import { externalModel } from '../support/external-model.ts'
import { initializerDigests, json } from '../support/http-client.ts'
import { rawInitializer } from '../support/onnx-model.ts'
import { projectFile, projectRoot, startApp, temporaryDirectory } from '../support/server.ts'
import { typed } from '../support/typed-command.ts'

let directory: Awaited<ReturnType<typeof temporaryDirectory>>
let app: Awaited<ReturnType<typeof startApp>>
let expected: {
  uniform: { tensors: Record<string, string> }
  two_three: { tensors: Record<string, string> }
  exhaustive: { weights: [number, number][]; val: { accuracy: number } }
}
const fineTunes = Array.from({ length: 8 }, (_, index) => `ft${index}.onnx`)
const read = (name: string) => readFile(join(directory.path, name))

/** Runs a command without a server, with a directory of its own for temporary files. It must succeed, and leave none. */
async function alone(...parameters: string[]) {
  const ended = await typed(parameters, { cwd: directory.path, env: { TMPDIR: join(directory.path, 'temporary') } })
  expect(ended).toMatchObject({ code: 0, stderr: '' })
  expect(await readdir(join(directory.path, 'temporary'))).toEqual([])
  return ended
}

/** Runs a command on the server. It must succeed, and leave nothing there. */
async function served(...parameters: string[]) {
  const ended = await typed(parameters, { cwd: directory.path, env: { TUREEN_URL: app.url } })
  expect(ended).toMatchObject({ code: 0, stderr: '' })
  for (const list of ['models', 'datasets', 'exports', 'jobs'])
    expect(await json(await fetch(`${app.url}/v1/${list}`)), list).toMatchObject({ items: [] })
  return ended
}

beforeAll(async () => {
  directory = await temporaryDirectory()
  app = await startApp({ TUREEN_RATE_LIMIT: '0' })
  await cp(join(projectRoot, 'examples/digits'), directory.path, {
    recursive: true,
    filter: path => !path.endsWith('/out'),
  })
  await mkdir(join(directory.path, 'temporary'))
  expected = JSON.parse(String(await projectFile('examples/digits/expected.json')))
})
afterAll(async () => {
  await app.close()
  await directory.remove()
})

/** Returns the elements of every float initializer, as onnx-proto finds them. */
function elementsOf(bytes: Uint8Array): Map<string, Float32Array> {
  const { graph } = onnxProto.onnx.ModelProto.decode(bytes)
  return new Map(
    (graph?.initializer ?? []).map(({ name, rawData }) => [
      name ?? '',
      new Float32Array(new Uint8Array(rawData ?? []).slice().buffer),
    ]),
  )
}

/** Expects each element of a soup to be this function of those of its models, rounded once. */
async function expectElements(soup: string, names: string[], of: (...elements: number[]) => number) {
  const models = await Promise.all(names.map(async name => elementsOf(await read(name))))
  for (const [name, elements] of elementsOf(await read(soup))) {
    if (/running|num_batches/.test(name)) continue
    const wanted = elements.map((_, index) => of(...models.map(each => each.get(name)?.[index] ?? Number.NaN)))
    expect(elements, name).toEqual(wanted)
  }
}

describe('without a server', () => {
  test('tureen soup makes the mean of all models as NumPy does', async () => {
    const { stdout } = await alone('soup', ...fineTunes, '-o', 'uniform.onnx')
    expect(initializerDigests(await read('uniform.onnx'))).toMatchObject(expected.uniform.tensors)
    expect(stdout).toMatch(/^uniform\.onnx: 160 KB, of ft0, ft1, ft2, ft3, ft4, ft5, ft6, ft7\n10 tensors averaged/)
  })

  test('tureen search over all subsets finds the soup that NumPy finds', async () => {
    const { stdout } = await alone(
      'search',
      ...fineTunes,
      '--data',
      'val.npz',
      '--strategy',
      'exhaustive',
      '-o',
      'best.onnx',
      '--json',
    )
    const { result } = searchJob.parse(JSON.parse(stdout))
    const names = result?.winner.models.map(id => result.models?.find(each => each.id === id)?.name)
    expect(names?.sort()).toEqual(expected.exhaustive.weights.map(([index]) => `ft${index}`))
    expect(result?.winner.score).toBeCloseTo(expected.exhaustive.val.accuracy, 12)
    const winners = expected.exhaustive.weights.map(([index]) => `ft${index}.onnx`)
    await expectElements(
      'best.onnx',
      winners,
      (...elements) => elements.reduce((sum, each) => sum + each) / winners.length,
    )
  })
})

describe('on a server', () => {
  test('tureen soup weighs, scales and adds, and leaves nothing on the server', async () => {
    await served('soup', 'ft0.onnx', 'ft1.onnx', '--weights', '2,3', '-o', 'two-three.onnx')
    expect(initializerDigests(await read('two-three.onnx'))).toMatchObject(expected.two_three.tensors)
    await served('soup', 'ft0.onnx', 'ft1.onnx', '-o', 'two.onnx')
    await expectElements('two.onnx', ['ft0.onnx', 'ft1.onnx'], (a, b) => (a + b) / 2)
    await served('soup', 'ft0.onnx', 'ft1.onnx', 'ft3.onnx', '-o', 'three.onnx')
    await expectElements('three.onnx', ['ft0.onnx', 'ft1.onnx', 'ft3.onnx'], (a, b, c) => (a + b + c) / 3)
    await served('soup', 'ft0.onnx', 'ft1.onnx', '--weights', '0.5,1', '--no-normalize', '-o', 'sum.onnx')
    await expectElements('sum.onnx', ['ft0.onnx', 'ft1.onnx'], (a, b) => 0.5 * a + b)
  })

  test.each(['recipe.json', 'recipe.yaml'])(
    '%s makes the same bytes again, whatever the order of the models',
    async recipe => {
      const method = ['--method', 'ties', '--base', 'base.onnx', '--set', 'density=0.5', '--weights', '1,0.5']
      await served('soup', 'ft0.onnx', 'ft1.onnx', ...method, '-o', 'first.onnx', '--recipe-out', recipe, '--force')
      await served(
        'soup',
        'ft1.onnx',
        'ft0.onnx',
        '--base',
        'base.onnx',
        '--recipe',
        recipe,
        '-o',
        'again.onnx',
        '--force',
      )
      expect(await read('again.onnx')).toEqual(await read('first.onnx'))
    },
  )

  test('rules, and a recipe of settings alone, apply to the models in order', async () => {
    await writeFile(join(directory.path, 'rules.yaml'), '- match: fc2*\n  weights: [1, 0]\n')
    await writeFile(join(directory.path, 'settings.json'), '{"weights": [2, 3], "outputDtype": "float16"}')
    const { stdout } = await served(
      'soup',
      'ft0.onnx',
      'ft1.onnx',
      '--recipe',
      'settings.json',
      '--output-dtype',
      'float32',
      '--rules',
      'rules.yaml',
      '-o',
      'ruled.onnx',
      '--json',
    )
    expect(mergeJob.parse(JSON.parse(stdout)).request).toMatchObject({ models: [{ weight: 2 }, { weight: 3 }] })
    const { 'conv1.weight': weighed } = initializerDigests(await read('ruled.onnx'))
    expect(weighed).toBe(expected.two_three.tensors['conv1.weight'])
    expect(rawInitializer(await read('ruled.onnx'), 'fc2.weight')).toEqual(
      rawInitializer(await read('ft0.onnx'), 'fc2.weight'),
    )
  })

  test('external data beside a model is sent with it, and comes back inside the soup', async () => {
    for (const [name, bias] of Object.entries({ a: 1, b: 3 })) {
      const { main, data } = externalModel([1, 2, 3, 4], [bias, bias], {
        W: { location: `${name}/W.bin` },
        b: { location: `${name}.bin` },
      })
      for (const [location, bytes] of Object.entries({ ...data, [`${name}.onnx`]: main })) {
        await mkdir(dirname(join(directory.path, location)), { recursive: true })
        await writeFile(join(directory.path, location), bytes)
      }
    }
    await served('soup', 'a.onnx', 'b.onnx', '-o', 'inline.onnx')
    expect(elementsOf(await read('inline.onnx')).get('b')).toEqual(Float32Array.of(2, 2))
  })

  test('--recalibrate measures the batch norms of a soup again', async () => {
    const fixture = (name: string) => join(projectRoot, 'test/fixtures/batch-norm', name)
    const recalibrated = ['--recalibrate', fixture('calibration.npz'), '-o', 'measured.onnx']
    await served('soup', fixture('a.onnx'), fixture('b.onnx'), ...recalibrated)
    const { stdout } = await served('evaluate', 'measured.onnx', '--data', fixture('val.npz'), '--metric', 'accuracy')
    expect(stdout).toMatch(/^accuracy +0\.96$/m)
  })

  test('--json of each command is the document of the API, and nothing else', async () => {
    const soup = await served('soup', 'ft0.onnx', 'ft1.onnx', '-o', 'json.onnx', '--json')
    expect(mergeJob.parse(JSON.parse(soup.stdout))).toMatchObject({ status: 'succeeded' })
    const evaluation = await served('evaluate', 'ft0.onnx', '--data', 'val.npz', '--metric', 'accuracy', '--json')
    expect(evaluationJob.parse(JSON.parse(evaluation.stdout)).result?.metrics).toEqual({ accuracy: 0.8 })
    const comparison = await served('compare', 'ft0.onnx', 'ft1.onnx', '--json')
    expect(comparisonJob.parse(JSON.parse(comparison.stdout)).result?.pairs).toHaveLength(1)
    const inspection = await served('inspect', 'ft0.onnx', '--json')
    expect(model.parse(JSON.parse(inspection.stdout))).toMatchObject({ name: 'ft0', parameters: 39_306 })
  })

  test('people get tables, and with --quiet nothing', async () => {
    const { stdout } = await served('compare', 'ft0.onnx', 'ft1.onnx')
    expect(stdout).toMatch(/^a +b +can be merged +cosine .*\nft0 +ft1 +yes +0\.98/)
    expect((await served('evaluate', 'ft0.onnx', '--data', 'val.npz')).stdout).toMatch(/^accuracy +0\.8$/m)
    expect((await served('inspect', 'ft0.onnx')).stdout).toMatch(/^inputs +image float32\[batch, 1, 8, 8\]$/m)
    const tensor = (await served('inspect', 'ft0.onnx', '--tensor', 'conv2.weight')).stdout
    expect(tensor).toMatch(/^type +float32\[32, 16, 3, 3\]$/m)
    // By NumPy: the largest element, and how many there are.
    expect(tensor).toMatch(/^max +0\.183922484/m)
    const counts = [...tensor.matchAll(/^ +-?[\d.e-]+ +#* (\d+)$/gm)].map(([, count]) => Number(count))
    expect(counts).toHaveLength(16)
    expect(counts.reduce((sum, count) => sum + count)).toBe(32 * 16 * 3 * 3)
    expect(await served('inspect', 'ft0.onnx', '--quiet')).toMatchObject({ stdout: '' })
  })
})
