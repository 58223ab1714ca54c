import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ComparisonResult } from '../../schemas/comparison.ts'
import { comparisonJob } from '../../schemas/job.ts'
import { digits, postJson, readProblem, uploadModel } from '../support/http-client.ts'
import { namedChain } from '../support/named-chain.ts'
import { float32Tensor, int64Tensor, linearModel } from '../support/onnx-model.ts'
import { renamedModel } from '../support/renamed-model.ts'
import { projectFile, startApp } from '../support/server.ts'

let app: Awaited<ReturnType<typeof startApp>>
beforeAll(async () => {
  app = await startApp()
})
afterAll(() => app.close())

type Bytes = Uint8Array<ArrayBuffer>

async function compare(...models: Bytes[]): Promise<ComparisonResult> {
  const ids: string[] = []
  for (const bytes of models) ids.push((await uploadModel(app.url, bytes)).id)
  const response = await postJson(`${app.url}/v1/comparisons?wait=30`, { models: ids.map(id => ({ id })) })
  expect(response.status).toBe(200)
  const { status, result } = comparisonJob.parse(await response.json())
  expect(status).toBe('succeeded')
  if (!result) throw new Error('a comparison without a result')
  return result
}

async function comparePair(a: Bytes, b: Bytes) {
  const { pairs, warnings } = await compare(a, b)
  const [pair] = pairs
  if (!pair || pairs.length > 1) throw new Error(`there are ${pairs.length} pairs`)
  return { ...pair, all: warnings }
}

const wide = (sign: (index: number) => number, bias = 1) =>
  linearModel(
    Array.from({ length: 1024 }, (_, index) => sign(index)),
    Array.from({ length: 32 }, () => bias),
  )

describe('two models of one network', () => {
  test('are measured tensor by tensor, and as a whole', async () => {
    const pair = await comparePair(linearModel([3, 4], [0, 0]), linearModel([-4, 3], [0, 0]))
    expect(pair).toMatchObject({
      compatible: true,
      reasons: [],
      cosine: 0,
      relativeDistance: expect.closeTo(Math.SQRT2, 14),
      totals: { tensors: 2, identical: 1, averaged: 2, nonFinite: { a: 0, b: 0 } },
      omitted: 0,
    })
    const common = { dtype: 'float32', averaged: true, nonFinite: { a: 0, b: 0 } }
    expect(pair.tensors).toEqual([
      {
        a: 'W',
        b: 'W',
        dims: [1, 2],
        identical: false,
        cosine: 0,
        relativeDistance: expect.closeTo(Math.SQRT2),
        ...common,
      },
      { a: 'b', b: 'b', dims: [2], identical: true, cosine: null, relativeDistance: 0, ...common },
    ])
  })

  test('are paired whatever their names, which are given on both sides', async () => {
    const model = linearModel([3, 4], [1, 2])
    const pair = await comparePair(model, renamedModel(model, 'other/'))
    expect(pair).toMatchObject({ compatible: true, cosine: 1, relativeDistance: 0 })
    expect(pair.tensors.map(({ a, b }) => [a, b])).toEqual([
      ['W', 'other/W'],
      ['b', 'other/b'],
    ])
    expect(pair.warnings.join()).toContain('has other names for 2 of the weights')
  })

  test('that were trained apart are warned of, fine-tunes are not', async () => {
    // Rows of a Hadamard matrix are orthogonal.
    const apart = await comparePair(
      wide(index => (index % 2 ? 1 : -1)),
      wide(index => (index % 4 < 2 ? 1 : -1)),
    )
    expect(apart.all.join()).toMatch(/look independently trained.*0\.000.*will not work/)
    const [a, b] = await Promise.all(digits(0, 1).map(projectFile))
    const tuned = await comparePair(Uint8Array.from(a ?? []), Uint8Array.from(b ?? []))
    expect(tuned.cosine).toBeGreaterThan(0.9)
    expect(tuned.all).toEqual([])
  })

  test('with NaN and infinite weights are counted, the rest measured', async () => {
    const pair = await comparePair(
      linearModel([1, Number.NaN, 2], [0]),
      linearModel([1, 5, Number.POSITIVE_INFINITY], [0]),
    )
    expect(pair.tensors[0]).toMatchObject({ nonFinite: { a: 1, b: 1 }, cosine: 1, relativeDistance: 0 })
    expect(pair.warnings.join()).toContain(
      'the weights have NaN or infinite elements: 1 in the first model, 1 in the second',
    )
  })

  test('with batch normalisation are told that its statistics are not linear', async () => {
    const normalised = (mean: number) =>
      linearModel([1, 2, 3, 4], [0, 0], ({ graph }) => {
        const stats = ['scale', 'shift', 'mean', 'variance']
        graph.node?.push({ opType: 'BatchNormalization', input: ['y', ...stats], output: ['z'] })
        graph.initializer?.push(...stats.map(name => float32Tensor(name, [2], name === 'mean' ? [mean, 1] : [1, 1])))
        for (const output of graph.output ?? []) output.name = 'z'
      })
    const pair = await comparePair(normalised(0), normalised(1))
    expect(pair.compatible).toBe(true)
    expect(pair.warnings.join()).toMatch(/1 running means and variances of batch normalisation differ/)
  })
})

test('inputs of another rank are no difference in the network, but are told', async () => {
  const flat = linearModel([1, 2, 3, 4], [0, 0])
  const deep = linearModel([1, 2, 3, 4], [0, 0], ({ graph }) => {
    graph.input?.[0]?.type?.tensorType?.shape?.dim?.unshift({ dimValue: 7 })
  })
  const pair = await comparePair(flat, deep)
  expect(pair.compatible).toBe(true)
  expect(pair.warnings.join()).toContain('takes the input x with 3 dimensions, the base x with 2')
})

describe('two models that are not one network', () => {
  test('because an attribute became an input are told of the opset', async () => {
    const squeezed = (opset: number) =>
      linearModel([1, 2, 3, 4], [0, 0], model => {
        model.opsetImport = [{ domain: '', version: opset }]
        const axes = { name: 'axes', type: 7, ints: [0] }
        const node = { name: 'squeeze', opType: 'Squeeze', output: ['z'] }
        model.graph.node?.push(
          opset < 13 ? { ...node, input: ['y'], attribute: [axes] } : { ...node, input: ['y', 'axes'] },
        )
        if (opset >= 13) model.graph.initializer?.push(int64Tensor('axes', [1], [0]))
        for (const output of model.graph.output ?? []) output.name = 'z'
      })
    const { reasons } = await comparePair(squeezed(11), squeezed(13))
    expect(reasons[0]).toEqual({ node: 'squeeze', message: expect.stringContaining('export both with one opset') })
  })

  const shifted = (axis: number) =>
    linearModel([1, 2, 3, 4], [0, 0], ({ graph }) => {
      graph.node?.push({ name: 'sum', opType: 'ReduceSum', input: ['y', 'axes'], output: ['z'] })
      graph.initializer?.push(int64Tensor('axes', [1], [axis]))
      for (const output of graph.output ?? []) output.name = 'z'
    })

  test.each([
    ['', 29, 31, 'Tureen knows ai.onnx up to opset 28'],
    ['', 28, 29, 'Tureen knows ai.onnx up to opset 28'],
    ['ai.onnx.ml', 6, 7, 'Tureen knows ai.onnx.ml up to opset 5'],
  ])('because they import versions of "%s" that nobody knows yet are told so', async (domain, ours, theirs, known) => {
    const importing = (version: number, weight: number) =>
      linearModel([1, 2, 3, weight], [0, 0], model => {
        model.opsetImport = [...(domain === '' ? [] : [{ domain: '', version: 13 }]), { domain, version }]
        const opType = domain === '' ? 'Neg' : 'Normalizer'
        model.graph.node?.push({ name: 'last', opType, domain, input: ['y'], output: ['z'] })
        for (const output of model.graph.output ?? []) output.name = 'z'
      })
    const { compatible, reasons } = await comparePair(importing(ours, 4), importing(theirs, 4))
    expect(compatible).toBe(false)
    expect(reasons).toContainEqual({
      node: 'last',
      expected: `opset ${ours}`,
      actual: `opset ${theirs}`,
      message: expect.stringContaining(known),
    })
    expect(reasons.map(({ message }) => message).join()).toContain(`of opset ${theirs}, in the base of opset ${ours}`)
    expect(await comparePair(importing(theirs, 4), importing(theirs, 5))).toMatchObject({ compatible: true })
  })

  test('are given every reason', async () => {
    const pair = await comparePair(linearModel([1, 2, 3, 4], [0, 0]), linearModel([1, 2, 3, 4, 5, 6], [0, 0, 0]))
    expect(pair.compatible).toBe(false)
    expect(pair.reasons).toEqual([
      { tensor: 'W', message: expect.stringContaining('is float32[2, 3], in the base float32[2, 2]') },
      { tensor: 'b', message: expect.stringContaining('is float32[3], in the base float32[2]') },
    ])
    expect(pair.cosine).toBeNull()
  })

  test('are told of integers that differ, as a reason and as a warning', async () => {
    const pair = await comparePair(shifted(0), shifted(1))
    expect(pair.compatible).toBe(false)
    expect(pair.reasons).toEqual([
      { tensor: 'axes', expected: '[0]', actual: '[1]', message: expect.stringMatching(/never averaged/) },
    ])
    expect(pair.warnings.join()).toContain('1 tensors that are never averaged differ (axes, int64)')
    expect(pair.cosine).toBe(1)
  })
})

test('of many models every pair is compared, the first the base, and warnings of one sort are said once', async () => {
  const rows = [0, 1, 2].map(bit => wide(index => (index & (1 << bit) ? 1 : -1)))
  const { pairs, warnings } = await compare(...rows)
  expect(pairs).toHaveLength(3)
  expect(new Set(pairs.map(({ a, b }) => `${a} ${b}`)).size).toBe(3)
  expect(warnings).toEqual([expect.stringMatching(/^3 of 3 pairs, .*look independently trained/)])
})

test.each([
  ['one model', [{ id: 'a' }], 400, 'TUREEN_REQUEST_INVALID'],
  ['a model that is not there', [{ id: 'a' }, { id: 'b' }], 404, 'TUREEN_NOT_FOUND'],
])('%s is refused', async (_, models, status, code) => {
  await readProblem(await postJson(`${app.url}/v1/comparisons`, { models }), status, code)
})

test('rules of a merge are tried on each pair: what each meets, and why a merge would be refused', async () => {
  const links = [{ weight: 'onnx::MatMul_4', node: '/enc/MatMul' }, { weight: 'head.w' }]
  const models = []
  for (const value of [1, 2, 3]) models.push({ id: (await uploadModel(app.url, namedChain(links, value))).id })
  const rules = [{ match: 'enc.*' }, { match: 'head.*', skip: true }, { match: 'decoder.*', weights: [1, 2] }]
  const response = await postJson(`${app.url}/v1/comparisons?wait=30`, { models, rules })
  const { result } = comparisonJob.parse(await response.json())
  expect(result?.pairs).toHaveLength(3)
  for (const pair of result?.pairs ?? []) {
    expect(pair.rules).toEqual([
      { match: 'enc.*', tensors: 1, elements: 4, overruled: 0 },
      { match: 'head.*', tensors: 1, elements: 4, overruled: 0 },
      { match: 'decoder.*', tensors: 0, elements: 0, overruled: 0 },
    ])
    expect(pair).toMatchObject({ compatible: false, reasons: [{ field: 'rules.2.match' }] })
  }
})
