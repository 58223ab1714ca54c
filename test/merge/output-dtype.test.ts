import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import onnxProto, { type onnx } from 'onnx-proto'
import ort from 'onnxruntime-node'
import { describe, expect, test } from 'vitest'
import type { OutputDtype } from '../../schemas/merge.ts'
import type { TureenError } from '../../src/errors.ts'
import { float16Tensor } from '../../src/evaluate/child/tensors.ts'
import { memorySource, readBytes } from '../../src/onnx/byte-source.ts'
import { externalModel, type ModelInFiles } from '../support/external-model.ts'
import { elementType, float32Tensor, int64Tensor, linearModel } from '../support/onnx-model.ts'
import { initializerBytes, tensorsOf } from '../support/onnx-oracle.ts'
import { seededRandom } from '../support/random.ts'
import { projectRoot } from '../support/server.ts'
import { planInMemory, soupInMemory, soupOfFiles } from '../support/soup.ts'
import { soupOfIngredients } from '../support/soup-of-files.ts'

const { ModelProto } = onnxProto.onnx
const digits = ['ft2', 'ft3'].map(name => readFileSync(join(projectRoot, `examples/digits/${name}.onnx`)))
const weights = [2, 3]
const mixed = digits.map((bytes, index) => ({ bytes, weight: weights[index] ?? 0 }))

function float32s(bytes: Uint8Array): Float32Array {
  return new Float32Array(Uint8Array.from(bytes).buffer)
}

/** The value of bfloat16's 16 bits: they are the upper ones of a float32. */
function bfloat16(code: number): number {
  return float32s(new Uint8Array(Uint32Array.of(code << 16).buffer))[0] ?? 0
}

/** The nearest of all bfloat16 around, the even one of two. */
function nearestBfloat16(value: number): number {
  const about = new Uint16Array(Float32Array.of(value).buffer)[1] ?? 0
  const [first = about, ...others] = [about - 1, about, about + 1].filter(code => bfloat16(code) * value >= 0)
  return others.reduce((best, code) => {
    const [ours, theirs] = [Math.abs(bfloat16(best) - value), Math.abs(bfloat16(code) - value)]
    return theirs < ours || (theirs === ours && code % 2 === 0) ? code : best
  }, first)
}

/** What the platform, not Tureen, makes of numbers in a type. */
const stored: Record<Exclude<OutputDtype, 'float32'>, (values: number[]) => Uint8Array> = {
  float16: values => new Uint8Array(Float16Array.from(values).buffer),
  float64: values => new Uint8Array(Float64Array.from(values).buffer),
  bfloat16: values => new Uint8Array(Uint16Array.from(values, nearestBfloat16).buffer),
}

describe('a soup of float32 models in another type', () => {
  const random = seededRandom(4)
  const linear = [0, 1].map(() => {
    return linearModel(
      Array.from({ length: 6 * 500 }, () => (random.next() - 0.5) * 10 ** (8 * random.next() - 4)),
      [1, 2, 3, 4, 5, 6],
    )
  })

  // Conv takes bfloat16 from version 22 on, and the fine-tunes of the digits are of 13.
  test.each([
    ['float16', digits],
    ['float64', digits],
    ['float16', linear],
    ['bfloat16', linear],
  ] as const)('is the mean in binary64, rounded once: %s', (dtype, [first, second]) => {
    if (!first || !second) throw new Error('no models')
    const [a, b] = [tensorsOf(first), tensorsOf(second)]
    const soup = soupInMemory(
      [first, second].map((bytes, index) => ({ bytes, weight: weights[index] ?? 0 })),
      {
        outputDtype: dtype,
      },
    )
    const made = tensorsOf(soup)
    expect(made.map(({ dataType }) => dataType)).toEqual(
      // The exponent of a Pow has a type of its own.
      a.map(({ dataType, name }) =>
        dataType === elementType.float32 && name !== '/norm/Constant_output_0' ? elementType[dtype] : dataType,
      ),
    )
    expect(made.filter(({ dataType }) => dataType === elementType[dtype]).length).toBeGreaterThan(1)
    for (const [index, { name, dataType, bytes }] of made.entries()) {
      if (dataType !== elementType[dtype]) continue
      const [x, y] = [float32s(a[index]?.bytes ?? bytes), float32s(b[index]?.bytes ?? bytes)]
      const means = Array.from(x, (value, at) => (value === y[at] ? value : (2 * value + 3 * (y[at] ?? 0)) / 5))
      expect(Buffer.compare(bytes, stored[dtype](means)), name).toBe(0)
    }
  })

  test('runs as float16, and puts out what the float32 soup does up to its precision', async () => {
    const [half, full] = [soupInMemory(mixed, { outputDtype: 'float16' }), soupInMemory(mixed)]
    expect(half.byteLength).toBeLessThan(full.byteLength * 0.6)
    const outputs = []
    for (const bytes of [half, full]) {
      const session = await ort.InferenceSession.create(Uint8Array.from(bytes), { logSeverityLevel: 4 })
      const [input] = session.inputMetadata
      if (!input?.isTensor) throw new Error('no input')
      const dims = input.shape.map(dim => (typeof dim === 'number' ? dim : 2))
      const values = Array.from({ length: dims.reduce((a, b) => a * b) }, (_, index) => (index % 17) / 16)
      const tensor =
        input.type === 'float16'
          ? float16Tensor(new Uint16Array(Float16Array.from(values).buffer), dims)
          : new ort.Tensor('float32', Float32Array.from(values), dims)
      const result = Object.values(await session.run({ [input.name]: tensor }))[0]
      outputs.push({ type: result?.type, values: Array.from(result?.data ?? [], Number) })
    }
    expect(outputs.map(({ type }) => type)).toEqual(['float16', 'float32'])
    const [a, b] = outputs
    const largest = Math.max(...(b?.values ?? []).map(Math.abs))
    b?.values.forEach((value, index) => {
      expect(Math.abs((a?.values[index] ?? Number.NaN) - value)).toBeLessThan(0.02 * largest)
    })
  })

  test('goes through what onnxruntime fuses, and runs', async () => {
    const random = seededRandom(7)
    const weight = (name: string, dims: number[]) =>
      float32Tensor(
        name,
        dims,
        Array.from({ length: dims.reduce((a, b) => a * b) }, () => random.next() - 0.5),
      )
    const fused = (opType: string, input: string[], output: string[], attribute?: onnx.IAttributeProto[]) => {
      return { opType, domain: 'com.microsoft', input, output, ...(attribute ? { attribute } : {}) }
    }
    const whole = (name: string, i: number) => ({ name, type: 2, i })
    const model = () =>
      linearModel([0, 0, 0, 0], [0, 0], model => {
        // LayerNormalization of versions before 17 is onnxruntime's own.
        model.opsetImport = [
          { domain: '', version: 13 },
          { domain: 'com.microsoft', version: 1 },
        ]
        const { graph } = model
        graph.node = [
          fused('Attention', ['x', 'qkv', 'qkv.b'], ['attended'], [whole('num_heads', 2)]),
          fused('SkipLayerNormalization', ['attended', 'x', 'g', 'h'], ['first', '', '', 'sum']),
          fused('FusedMatMul', ['first', 'up'], ['wide']),
          fused('BiasGelu', ['wide', 'up.b'], ['bent']),
          fused('FusedMatMul', ['bent', 'down'], ['narrow']),
          { opType: 'Add', input: ['narrow', 'sum'], output: ['added'] },
          { opType: 'LayerNormalization', input: ['added', 'g', 'h'], output: ['y'], attribute: [whole('axis', -1)] },
        ]
        graph.initializer = [
          weight('qkv', [8, 24]),
          weight('qkv.b', [24]),
          weight('g', [8]),
          weight('h', [8]),
          weight('up', [8, 16]),
          weight('up.b', [16]),
          weight('down', [16, 8]),
        ]
        for (const [name, list] of [['x', graph.input] as const, ['y', graph.output] as const]) {
          const dim = [2, 3, 8].map(dimValue => ({ dimValue }))
          list?.splice(0, 1, { name, type: { tensorType: { elemType: 1, shape: { dim } } } })
        }
      })
    const models = [model(), model()].map(bytes => ({ bytes, weight: 1 }))
    const values = Array.from({ length: 48 }, () => random.next() - 0.5)
    const outputs = []
    for (const dtype of ['float16', 'float32'] as const) {
      const bytes = Uint8Array.from(soupInMemory(models, { outputDtype: dtype }))
      const session = await ort.InferenceSession.create(bytes, { logSeverityLevel: 4 })
      const x =
        dtype === 'float16'
          ? float16Tensor(new Uint16Array(Float16Array.from(values).buffer), [2, 3, 8])
          : new ort.Tensor('float32', Float32Array.from(values), [2, 3, 8])
      const { y } = await session.run({ x })
      outputs.push({ type: y?.type, values: Array.from(y?.data ?? [], Number) })
    }
    const [half, full] = outputs
    expect(half?.type).toBe('float16')
    expect(Math.max(...(full?.values ?? []).map(Math.abs))).toBeGreaterThan(0.1)
    full?.values.forEach((value, index) => {
      expect(Math.abs((half?.values[index] ?? Number.NaN) - value)).toBeLessThan(0.01)
    })
  })

  test('differs from its float32 model in types and weights alone', () => {
    const soup = ModelProto.decode(soupInMemory(mixed, { outputDtype: 'float16' }))
    const base = ModelProto.decode(digits[0] ?? new Uint8Array(0))
    const plain = ({ graph, ...rest }: onnx.IModelProto) => {
      const untyped = JSON.stringify([graph, rest], (key, value) => {
        return ['rawData', 'dataType', 'elemType', 'floatData'].includes(key) ? undefined : value
      })
      return JSON.parse(untyped)
    }
    expect(plain(soup)).toEqual(plain(base))
    const types = (model: onnx.IModelProto) =>
      [...(model.graph?.input ?? []), ...(model.graph?.output ?? [])].map(({ type }) => type?.tensorType?.elemType)
    expect(types(base)).toEqual([1, 1])
    expect(types(soup)).toEqual([10, 10])
  })

  test('is computed range by range as at once', () => {
    const plan = planInMemory(mixed, { outputDtype: 'float16' })
    const whole = soupInMemory(mixed, { outputDtype: 'float16' })
    const pieces: Uint8Array[] = []
    for (let at = 0; at < plan.byteLength; at += 1001)
      pieces.push(readBytes(plan, at, Math.min(1001, plan.byteLength - at)))
    expect(Buffer.compare(Buffer.concat(pieces), whole)).toBe(0)
    const atOnce = planInMemory(mixed, { outputDtype: 'float16' })
    readBytes(atOnce, 0, atOnce.byteLength)
    expect(plan.counts()).toEqual(atOnce.counts())
  })

  test('counts what is beyond the type as not finite', () => {
    const models = [1e5, 3e5].map(value => ({ bytes: linearModel([value, 1, 1, 1], [0, 0]), weight: 1 }))
    const { report, content } = soupOfFiles(models, { outputDtype: 'float16' })
    expect(report.nonFinite).toBe(1)
    expect([...new Float16Array(Uint8Array.from(initializerBytes(content, 'W')).buffer)]).toEqual([Infinity, 1, 1, 1])
  })

  test('goes through any method', () => {
    const settings = {
      method: 'ties',
      parameters: { density: 0.5 },
      base: 2,
      usesBase: true,
      outputDtype: 'float64',
    } as const
    const models = [
      [1, -4, 0.5, 3],
      [2, 1, 8, -0.25],
      [0, 0, 0, 0],
    ].map((values, index) => ({
      bytes: linearModel(values, [0, 0]),
      weight: index < 2 ? 1 : null,
    }))
    const { outputDtype, ...plain } = settings
    const wide = new Float64Array(Uint8Array.from(initializerBytes(soupInMemory(models, settings), 'W')).buffer)
    const narrow = float32s(initializerBytes(soupInMemory(models, plain), 'W'))
    expect(outputDtype).toBe('float64')
    // These numbers are few enough bits for the two to be the same.
    expect([...wide]).toEqual([...narrow])
    expect(new Set(narrow).size).toBeGreaterThan(2)
  })
})

describe('the same type, asked for', () => {
  test('changes no byte', () => {
    expect(soupInMemory(mixed, { outputDtype: 'float32' })).toEqual(soupInMemory(mixed))
  })

  test('float16 and back is the float16 model’s own values', () => {
    const half = soupInMemory(mixed, { outputDtype: 'float16' })
    const back = soupInMemory([{ bytes: half, weight: 1 }], { outputDtype: 'float32' })
    const floats = tensorsOf(back)
    for (const [index, { dataType, bytes }] of tensorsOf(half).entries()) {
      if (dataType !== elementType.float16) continue
      const halves = new Float16Array(Uint8Array.from(bytes).buffer)
      expect([...float32s(floats[index]?.bytes ?? new Uint8Array(0))]).toEqual([...halves])
    }
    const again = soupInMemory([{ bytes: back, weight: 1 }], { outputDtype: 'float16' })
    expect(Buffer.compare(again, half)).toBe(0)
  })
})

/** A model around which operators are put; `x` and `W` as in {@link linearModel}. */
function around(change: (graph: onnx.IGraphProto) => void, version = 13) {
  return [1, 3].map(value => ({
    weight: 1,
    bytes: linearModel([value, 0, 0, 1], [0, value], model => {
      model.opsetImport = [{ domain: '', version }]
      change(model.graph)
    }),
  }))
}

function typesOf(bytes: Uint8Array): Record<string, number> {
  return Object.fromEntries(tensorsOf(bytes).map(({ name, dataType }) => [name, dataType]))
}

describe('what has one type with the weights', () => {
  test('changes with them: Constants, what Casts make, values in between', () => {
    const models = around(graph => {
      graph.node?.unshift(
        {
          opType: 'Constant',
          output: ['two'],
          attribute: [{ name: 'value', type: 4, t: float32Tensor('', [1], [2]) }],
        },
        { opType: 'Cast', input: ['ids'], output: ['x'], attribute: [{ name: 'to', type: 2, i: 1 }] },
        { opType: 'Mul', input: ['W', 'two'], output: ['W2'] },
      )
      graph.node?.splice(3, 1, { opType: 'MatMul', input: ['x', 'W2'], output: ['product'] })
      graph.valueInfo = [{ name: 'product', type: { tensorType: { elemType: 1 } } }]
      const [input] = graph.input ?? []
      if (input) input.name = 'ids'
      if (input?.type?.tensorType) input.type.tensorType.elemType = elementType.int64
    })
    const soup = soupInMemory(models, { outputDtype: 'float16' })
    expect(typesOf(soup)).toEqual({ two: 10, W: 10, b: 10 })
    const { graph } = ModelProto.decode(soup)
    expect(Number(graph?.node?.[1]?.attribute?.[0]?.i)).toBe(10)
    expect(graph?.valueInfo?.[0]?.type?.tensorType?.elemType).toBe(10)
    expect(graph?.input?.[0]?.type?.tensorType?.elemType).toBe(elementType.int64)
    expect(graph?.output?.[0]?.type?.tensorType?.elemType).toBe(10)
  })

  test('ends at a Cast: weights that only feed one change by themselves', () => {
    const models = around(graph => {
      graph.node?.unshift(
        { opType: 'Cast', input: ['W'], output: ['W1'], attribute: [{ name: 'to', type: 2, i: 1 }] },
        { opType: 'Cast', input: ['b'], output: ['b1'], attribute: [{ name: 'to', type: 2, i: 1 }] },
      )
      graph.node?.splice(2, 2, { opType: 'Gemm', input: ['x', 'W1', 'b1'], output: ['y'] })
    })
    const soup = soupInMemory(models, { outputDtype: 'bfloat16' })
    expect(typesOf(soup)).toEqual({ W: 16, b: 16 })
    const { graph } = ModelProto.decode(soup)
    expect(graph?.node?.slice(0, 2).map(({ attribute }) => Number(attribute?.[0]?.i))).toEqual([1, 1])
    expect(graph?.input?.[0]?.type?.tensorType?.elemType).toBe(1)
  })

  test('goes into branches and loops', () => {
    const branch = (name: string, from: string): onnx.IGraphProto => ({
      name,
      node: [{ opType: 'Add', input: [from, `${name}_c`], output: [`${name}_y`] }],
      initializer: [float32Tensor(`${name}_c`, [1], [1])],
      output: [{ name: `${name}_y`, type: { tensorType: { elemType: 1 } } }],
    })
    const body: onnx.IGraphProto = {
      name: 'body',
      input: ['i', 'go', 'state'].map((name, index) => {
        return { name, type: { tensorType: { elemType: [7, 9, 1][index] ?? 0 } } }
      }),
      node: [
        { opType: 'Identity', input: ['go'], output: ['goes'] },
        { opType: 'Neg', input: ['state'], output: ['next'] },
      ],
      output: ['goes', 'next'].map((name, index) => ({ name, type: { tensorType: { elemType: [9, 1][index] ?? 0 } } })),
    }
    const models = around(graph => {
      const { node = [] } = graph
      graph.initializer?.push(int64Tensor('times', [], [2]), {
        name: 'yes',
        dims: [],
        dataType: 9,
        rawData: Uint8Array.of(1),
      })
      node?.splice(
        1,
        1,
        { opType: 'Add', input: ['product', 'b'], output: ['sum'] },
        {
          opType: 'Loop',
          input: ['times', 'yes', 'sum'],
          output: ['looped'],
          attribute: [{ name: 'body', type: 5, g: body }],
        },
        {
          opType: 'If',
          input: ['yes'],
          output: ['y'],
          attribute: ['then', 'else'].map(name => ({ name: `${name}_branch`, type: 5, g: branch(name, 'looped') })),
        },
      )
    })
    const soup = soupInMemory(models, { outputDtype: 'float16' })
    expect(typesOf(soup)).toMatchObject({ W: 10, b: 10, then_c: 10, else_c: 10, times: 7, yes: 9 })
    const [, , loop, either] = ModelProto.decode(soup).graph?.node ?? []
    const elemTypes = (list: onnx.IValueInfoProto[] | null | undefined) =>
      list?.map(each => each.type?.tensorType?.elemType)
    expect(elemTypes(loop?.attribute?.[0]?.g?.input)).toEqual([7, 9, 10])
    expect(elemTypes(loop?.attribute?.[0]?.g?.output)).toEqual([9, 10])
    expect(either?.attribute?.map(({ g }) => elemTypes(g?.output))).toEqual([[10], [10]])
  })
})

describe('a graph that does not allow the type', () => {
  function refusal(models: ReturnType<typeof around>, outputDtype: OutputDtype): TureenError {
    try {
      soupInMemory(models, { outputDtype })
    } catch (error) {
      return error as TureenError
    }
    throw new Error('it was merged')
  }
  const node = (change: Partial<onnx.INodeProto>, version?: number) =>
    around(graph => {
      graph.node?.splice(1, 1, { opType: 'Add', input: ['product', 'b'], output: ['sum'] })
      graph.node?.push({ name: 'last', input: ['sum'], output: ['y'], ...change })
    }, version)

  test.each<[string, ReturnType<typeof around>, OutputDtype, object]>([
    [
      'an operator of that version',
      node({ opType: 'Elu' }, 13),
      'bfloat16',
      { node: 'last', message: expect.stringContaining('float64, float32, float16') },
    ],
    [
      'float32 alone',
      node({ opType: 'Celu' }),
      'float16',
      { node: 'last', message: expect.stringContaining('float32') },
    ],
    [
      'an operator of onnxruntime',
      node({ opType: 'SkipLayerNormalization', domain: 'com.microsoft', input: ['sum', 'sum', 'b'] }),
      'float64',
      { node: 'last', message: expect.stringContaining('float32, float16, bfloat16') },
    ],
    ['of another domain', node({ opType: 'Elu', domain: 'com.example' }), 'float16', { node: 'last' }],
    ['that nothing is known of', node({ opType: 'Sharpen' }), 'float16', { node: 'last' }],
    ['a version to come', node({ opType: 'Relu' }, 99), 'float16', { node: 'multiply' }],
    [
      'floats written into a Constant',
      around(graph => {
        graph.initializer?.pop()
        graph.node?.unshift({
          name: 'plain',
          opType: 'Constant',
          output: ['b'],
          attribute: [{ name: 'value_floats', type: 6, floats: [1, 2] }],
        })
      }),
      'float16',
      { node: 'plain' },
    ],
  ])('is refused with node and reason: %s', (_, models, dtype, problem) => {
    const { code, errors } = refusal(models, dtype)
    expect(code).toBe('TUREEN_OUTPUT_DTYPE_IMPOSSIBLE')
    expect(errors).toContainEqual(expect.objectContaining(problem))
  })

  test('is merged as it is without the wish', () => {
    expect(typesOf(soupInMemory(node({ opType: 'Celu' })))).toEqual({ W: 1, b: 1 })
  })

  test('takes it from the version on that admits it', () => {
    expect(typesOf(soupInMemory(node({ opType: 'Elu' }, 22), { outputDtype: 'bfloat16' }))).toEqual({ W: 16, b: 16 })
  })
})

describe('weights stored otherwise', () => {
  const typed = (values: number[], packed: boolean) =>
    linearModel(values, [1, 2], ({ graph }) => {
      const floatData = packed ? values : []
      graph.initializer?.splice(0, 1, { name: 'W', dims: [2, 2], dataType: 1, floatData })
    })

  test('as typed data, which becomes raw_data', () => {
    const models = [typed([1, 2, 3, 4], true), typed([3, 4, 5, 1 / 3], true)].map(bytes => ({ bytes, weight: 1 }))
    const soup = soupInMemory(models, { outputDtype: 'float16' })
    const W = ModelProto.decode(soup).graph?.initializer?.[0]
    expect(W).toMatchObject({ dataType: 10, floatData: [] })
    expect([...new Float16Array(Uint8Array.from(W?.rawData ?? []).buffer)]).toEqual([
      ...Float16Array.of(2, 3, 4, (4 + Math.fround(1 / 3)) / 2),
    ])
  })

  test.each(['typed', 'raw'])('as float16, %s, to float64: exactly the mean', storage => {
    const [a, b] = ['a', 'b'].map(name =>
      readFileSync(join(projectRoot, `test/fixtures/numerics/float16-${storage}-${name}.onnx`)),
    )
    if (!a || !b) throw new Error('no fixtures')
    const soup = soupInMemory(
      [a, b].map(bytes => ({ bytes, weight: 1 })),
      { outputDtype: 'float64' },
    )
    const halves = (bytes: Uint8Array, name: string) =>
      new Float16Array(Uint8Array.from(initializerBytes(bytes, name)).buffer)
    const tensors = tensorsOf(soup).filter(({ dataType }) => dataType === elementType.float64)
    expect(tensors.length).toBeGreaterThan(0)
    for (const { name } of tensors) {
      const [x, y] = [halves(a, name), halves(b, name)]
      const means = Array.from(x, (value, index) =>
        Object.is(value, y[index]) ? value : (value + (y[index] ?? 0)) / 2,
      )
      expect([...new Float64Array(Uint8Array.from(initializerBytes(soup, name)).buffer)]).toEqual(means)
    }
  })

  const filesOf = ({ main, data }: ModelInFiles) => ({
    source: memorySource(main),
    data: new Map(Object.entries(data).map(([location, bytes]) => [location, memorySource(bytes)])),
  })
  const inOneFile = {
    W: { location: 'w.bin', offset: 4096, length: 16 },
    b: { location: 'w.bin', offset: 4112, length: 8 },
  }
  const outside = (dtype: OutputDtype, inline: boolean) => {
    const models = [externalModel([1, 2, 3, 4], [5, 6], inOneFile), externalModel([3, 4, 5, 7], [7, 9], inOneFile)]
    const { files } = soupOfIngredients(
      models.map(model => ({ files: filesOf(model), weight: 1 })),
      { outputDtype: dtype, inline },
    )
    const main = readBytes(files.source, 0, files.source.byteLength)
    const data = [...files.data].map(([path, file]) => ({ path, data: readBytes(file, 0, file.byteLength) }))
    return { main, data }
  }
  const run = async ({ main, data }: ReturnType<typeof outside>, x: ort.Tensor) => {
    const session = await ort.InferenceSession.create(main, { externalData: data, logSeverityLevel: 4 })
    const { y } = await session.run({ x })
    return Array.from(y?.data ?? [], Number)
  }

  test('in a file beside the model, which is written anew with other places', async () => {
    const soup = outside('float64', false)
    expect(soup.data.map(({ data }) => data.byteLength)).toEqual([32 + 16])
    expect(await run(soup, new ort.Tensor('float64', Float64Array.of(1, 10), [1, 2]))).toEqual([
      2 + 40 + 6,
      3 + 55 + 7.5,
    ])
    const half = outside('float16', false)
    expect(half.data.map(({ data }) => data.byteLength)).toEqual([16 + 4])
    expect(await run(half, float16Tensor(new Uint16Array(Float16Array.of(1, 10).buffer), [1, 2]))).toEqual([48, 65.5])
  })

  test('in a file beside the model, put inside', async () => {
    const soup = outside('float16', true)
    expect(soup.data).toEqual([])
    expect(await run(soup, float16Tensor(new Uint16Array(Float16Array.of(1, 10).buffer), [1, 2]))).toEqual([48, 65.5])
  })
})
