import onnxProto from 'onnx-proto'
import ort from 'onnxruntime-node'
import { describe, expect, test } from 'vitest'
import { contribOperators } from '../../../src/onnx/graph/contrib-operator-types.ts'
import { operatorTypes } from '../../../src/onnx/graph/operator-types.ts'
import { elementType } from '../../support/onnx-model.ts'

const { ModelProto } = onnxProto.onnx
const { float32, float16, bfloat16, float64 } = elementType
const floats = { float32, float16, bfloat16, float64 }
const [int32, int64, uint8] = [6, 7, 2]

/** The types of the inputs that are never a float, in order, where they are not all int32. */
const wholeInputs: Record<string, number[]> = {
  BiasDropout: [9],
  ConvTransposeWithDynamicPads: [int64],
  DequantizeLinear: [uint8, uint8],
  DynamicQuantizeMatMul: [uint8, uint8],
  GroupQueryAttention: [int32, int32, int64],
  MatMulNBits: [uint8, uint8, int32],
  QuantizeLinear: [uint8],
  RelativePositionBias: [int64, int64],
  RotaryEmbedding: [int64],
  Trilu: [int64],
}

const attributes: Record<string, [string, number][]> = {
  Attention: [['num_heads', 2]],
  GatedRelativePositionBias: [['num_heads', 2]],
  GroupNorm: [
    ['groups', 2],
    ['activation', 0],
  ],
  GroupQueryAttention: [
    ['num_heads', 2],
    ['kv_num_heads', 2],
  ],
  MatMulNBits: [
    ['K', 32],
    ['N', 16],
    ['bits', 4],
    ['block_size', 32],
  ],
  MultiHeadAttention: [['num_heads', 2]],
  RelativePositionBias: [['max_distance', 8]],
  SkipGroupNorm: [
    ['groups', 2],
    ['activation', 0],
  ],
  BiasSoftmax: [
    ['axis', 1],
    ['is_inner_broadcast', 0],
  ],
}

type Slots = { inputs: string; admits: Map<string, readonly string[]> }

/** The letters of an operator's inputs, each with the types that it admits as the product reads them. */
function slotsOf(opType: string): Slots {
  const [inputs = ''] = contribOperators[opType]?.[1]?.split('>') ?? []
  const types = operatorTypes('com.microsoft', opType, 1)
  const admits = new Map([...inputs].map((letter, index) => [letter, types?.input(index)?.admits ?? []]))
  return { inputs, admits }
}

/** What onnxruntime says of a model of one node without shapes whose inputs have these types. */
async function complaint(opType: string, types: readonly number[]): Promise<string> {
  const input = types.map((_, index) => `i${index}`)
  const output = opType === 'EmbedLayerNormalization' ? ['o0', 'o1'] : ['o0']
  const named = (name: string, elemType: number) => ({ name, type: { tensorType: { elemType } } })
  const graph = {
    name: 'graph',
    node: [
      {
        opType,
        domain: 'com.microsoft',
        input,
        output,
        attribute: (attributes[opType] ?? []).map(([name, i]) => ({ name, type: 2, i })),
      },
    ],
    input: input.map((name, index) => named(name, types[index] ?? 0)),
    output: [{ name: 'o0' }],
  }
  const opsetImport = [
    { domain: '', version: 13 },
    { domain: 'com.microsoft', version: 1 },
  ]
  const bytes = ModelProto.encode({ irVersion: 8, opsetImport, graph }).finish()
  try {
    const session = await ort.InferenceSession.create(Uint8Array.from(bytes), { logSeverityLevel: 4 })
    await session.release()
    return ''
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

/** Float types by letter, and those of all other inputs. */
function typesOf(opType: string, floatOf: (letter: string, index: number) => number): number[] {
  const whole = (wholeInputs[opType] ?? []).values()
  return [...slotsOf(opType).inputs].map((letter, index) =>
    letter === '-' ? (whole.next().value ?? int32) : floatOf(letter, index),
  )
}

describe.each(Object.keys(contribOperators))('%s of com.microsoft', opType => {
  const { inputs, admits } = slotsOf(opType)
  const letters = [...admits.keys()].filter(letter => letter !== '-')

  test('takes the types that onnxruntime takes', async () => {
    for (const letter of letters) {
      for (const [name, code] of Object.entries(floats)) {
        const text = await complaint(
          opType,
          typesOf(opType, each => (each === letter ? code : float32)),
        )
        const isRefused = /Type Error: Type '[^']*' of input parameter/.test(text)
        expect([name, isRefused, text]).toEqual([name, admits.get(letter)?.includes(name) === false, text])
      }
    }
  })

  test('has one type where onnxruntime wants one', async () => {
    for (const [index, letter] of [...inputs].entries()) {
      if (letter === '-' || inputs.indexOf(letter) === inputs.lastIndexOf(letter) || admits.get(letter)?.length === 1)
        continue
      const text = await complaint(
        opType,
        typesOf(opType, (_, at) => (at === index ? float16 : float32)),
      )
      expect([index, text]).toEqual([index, expect.stringContaining('bound to different types')])
    }
  })
})
