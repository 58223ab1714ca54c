import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import onnxProto, { type onnx } from 'onnx-proto'
import ort from 'onnxruntime-node'
import { describe, expect, test } from 'vitest'
import type { OutputDtype } from '../../schemas/merge.ts'
import { float16Tensor } from '../../src/evaluate/child/tensors.ts'
import { readBytes } from '../../src/onnx/byte-source.ts'
import { elementType, float32Tensor, linearModel } from '../support/onnx-model.ts'
import { initializerBytes, tensorsOf } from '../support/onnx-oracle.ts'
import { seededRandom } from '../support/random.ts'
import { projectRoot } from '../support/server.ts'
import { planInMemory, soupInMemory, soupOfFiles } from '../support/soup.ts'

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
      parameters: { density: 0.5, lambda: 1, trim: 'tensor' },
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
