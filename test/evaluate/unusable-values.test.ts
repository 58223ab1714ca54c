import type { onnx } from 'onnx-proto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { problem } from '../../schemas/problem.ts'
import { evaluationClient } from '../support/evaluation-client.ts'
import { npz } from '../support/npz.ts'
import { elementType } from '../support/onnx-model.ts'
import { encodeModel } from '../support/rich-model.ts'
import { evaluating, startApp } from '../support/server.ts'

let app: Awaited<ReturnType<typeof startApp>>
let client: ReturnType<typeof evaluationClient>
let dataset: string
beforeAll(async () => {
  app = await startApp(evaluating)
  client = evaluationClient(app.url)
  const array = { descr: '<f4', shape: [3], data: Float32Array.of(1, 2, 3) }
  dataset = (await client.addDataset(npz({ x: array, t: array }))).id
})
afterAll(() => app.close())

type Value = { name: string; elemType?: number; type?: onnx.ITypeProto }

const float32 = elementType.float32
const cast = (input: string, output: string, to: number): onnx.INodeProto => ({
  opType: 'Cast',
  input: [input],
  output: [output],
  attribute: [{ name: 'to', type: 2, i: to }],
})

/** Returns a model of opset 21 with inputs and outputs of [n]. */
function model(node: onnx.INodeProto[], inputs: Value[], outputs: Value[]): Uint8Array<ArrayBuffer> {
  const info = ({ name, elemType, type }: Value): onnx.IValueInfoProto => {
    if (type) return { name, type }
    return elemType === undefined
      ? { name }
      : { name, type: { tensorType: { elemType, shape: { dim: [{ dimParam: 'n' }] } } } }
  }
  const graph = { name: 'unusable', node, input: inputs.map(info), output: outputs.map(info) }
  return encodeModel({ irVersion: 10, opsetImport: [{ domain: '', version: 21 }], graph })
}

const x = { name: 'x', elemType: float32 }
const y = { name: 'y', elemType: float32 }

/** A request that scores a model by mse, with other fields. */
async function requestFor(bytes: Uint8Array<ArrayBuffer>, asked: object) {
  const model = await client.addModel(bytes)
  return { model, dataset, inputs: { x: 'x' }, target: 't', metrics: ['mse'], ...asked }
}

/** The refusal of an evaluation before it starts, or the error of its job. */
async function refusal(bytes: Uint8Array<ArrayBuffer>, asked: object = {}) {
  const response = await client.ask(await requestFor(bytes, asked), 30)
  const body: unknown = await response.json()
  const found = response.status === 422 ? body : Object(body).error
  return problem.parse(found)
}

describe('types that onnxruntime-node cannot exchange', () => {
  test.each([
    ['bfloat16', 16],
    ['float8e4m3fn', 17],
    ['float8e5m2', 19],
    ['uint4', 21],
    ['int4', 22],
  ])('of a scored output: %s is named, with the Cast that helps', async (dtype, code) => {
    const found = await refusal(model([cast('x', 'y', code)], [x], [{ name: 'y', elemType: code }]))
    expect(found).toMatchObject({
      code: 'TUREEN_METRIC_MISMATCH',
      errors: [{ field: 'output', tensor: 'y', actual: dtype }],
    })
    expect(found.detail).toMatch(
      new RegExp(`output y is ${dtype}, which onnxruntime-node cannot exchange.*Cast to float32 at the output`),
    )
  })

  test('of an output that is not scored: the model cannot be opened', async () => {
    const nodes = [cast('x', 'y', float32), cast('x', 'half', 16)]
    const found = await refusal(model(nodes, [x], [y, { name: 'half', elemType: 16 }]), { output: 'y' })
    expect(found.detail).toContain('output half is bfloat16')
  })

  test('of an output that is not scored and does no harm: 4-bit integers', async () => {
    const bytes = model([cast('x', 'y', float32), cast('x', 'nibble', 22)], [x], [y, { name: 'nibble', elemType: 22 }])
    const { result } = await client.evaluate(await requestFor(bytes, { output: 'y' }))
    expect(result).toMatchObject({ metrics: { mse: 0 } })
  })

  test.each([
    ['bfloat16', 16],
    ['int4', 22],
  ])('of an input: %s is named, with the Cast that helps', async (dtype, code) => {
    const found = await refusal(model([cast('x', 'y', float32)], [{ name: 'x', elemType: code }], [y]))
    expect(found).toMatchObject({ code: 'TUREEN_DATASET_MISMATCH', errors: [{ field: 'inputs.x', actual: dtype }] })
    expect(found.detail).toMatch(new RegExp(`input x is ${dtype}, .*Cast from float32 at the input`))
  })

  test.each([
    ['float8e4m3fn', 17],
    ['int4', 22],
  ])('that the file does not declare: %s is named, and the evaluator lives', async (dtype, code) => {
    const found = await refusal(model([cast('x', 'y', code)], [x], [{ name: 'y' }]))
    expect(found).toMatchObject({ code: 'TUREEN_EVALUATION_FAILED', errors: [{ actual: dtype }] })
    expect(found.detail).toContain('Cast to float32')
  })
})

describe('a model', () => {
  test('without outputs is told so', async () => {
    const found = await refusal(model([cast('x', 'y', float32)], [x], []))
    expect(found.detail).toContain('the model has no outputs, so nothing can be scored')
  })

  test('whose scored output is the sequence of maps of a ZipMap hears of the ways out', async () => {
    const maps = { sequenceType: { elemType: { mapType: { keyType: 7, valueType: { tensorType: { elemType: 1 } } } } } }
    const zipped: onnx.INodeProto = {
      opType: 'ZipMap',
      domain: 'ai.onnx.ml',
      input: ['row'],
      output: ['probabilities'],
      attribute: [{ name: 'classlabels_int64s', type: 7, ints: [0, 1, 2] }],
    }
    const nodes = [{ opType: 'Identity', input: ['x'], output: ['row'] }, zipped, cast('x', 'label', 7)]
    const bytes = model(
      nodes,
      [x],
      [
        { name: 'label', elemType: 7 },
        { name: 'probabilities', type: maps },
      ],
    )
    const found = await refusal(bytes, { output: 'probabilities' })
    expect(found.code).toBe('TUREEN_METRIC_MISMATCH')
    expect(found.detail).toMatch(
      /output probabilities is sequence\(map\(int64, float32\)\), .*ZipMap.*zipmap: false.*another output \(label\)/,
    )
    const scores = await refusal(bytes, { output: 'label', metrics: ['crossEntropy'] })
    expect(scores.detail).toMatch(
      /needs scores: .*probabilities holds them in the maps of a ZipMap: export the model with zipmap: false/,
    )
  })
})
