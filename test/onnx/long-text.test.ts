import type { onnx } from 'onnx-proto'
import ort from 'onnxruntime-node'
import { describe, expect, test } from 'vitest'
import { memorySource } from '../../src/onnx/byte-source.ts'
import { limits } from '../../src/onnx/model-limits.ts'
import { refusalOf } from '../support/catalogue.ts'
import { descriptionOf, differencesOf, fingerprintOfBytes, inspectSource, layoutOf } from '../support/inspecting.ts'
import { linearModel } from '../support/onnx-model.ts'
import { selfSoup } from '../support/soup.ts'

type Model = onnx.IModelProto & { graph: onnx.IGraphProto }
type Write = (model: Model, text: string) => void

const written = (write: Write, text: string) => linearModel([1, 2, 3, 4], [5, 6], model => write(model, text))
const long = 'l'.repeat(limits.textBytes + 1)

const shape = ({ graph }: Model) => graph.input?.[0]?.type?.tensorType?.shape?.dim?.[1] ?? {}
const carried: [string, Write][] = [
  ["the graph's name", ({ graph }, text) => Object.assign(graph, { name: text })],
  ["the model's domain", (model, text) => Object.assign(model, { domain: text })],
  ["a type's denotation", ({ graph }, text) => Object.assign(graph.input?.[0]?.type ?? {}, { denotation: text })],
  ["a dimension's denotation", (model, text) => Object.assign(shape(model), { denotation: text })],
  ["the producer's name", (model, text) => Object.assign(model, { producerName: text })],
  ["the producer's version", (model, text) => Object.assign(model, { producerVersion: text })],
  ['the doc string', (model, text) => Object.assign(model, { docString: text })],
  ['a metadata key', (model, text) => Object.assign(model, { metadataProps: [{ key: text, value: 'v' }] })],
  ['a metadata value', (model, text) => Object.assign(model, { metadataProps: [{ key: 'k', value: text }] })],
]

describe('text that nothing refers by may be longer than names', () => {
  test.each(carried)('%s: onnxruntime opens it, and it makes soups', async (_, write) => {
    const model = written(write, long)
    await (await ort.InferenceSession.create(model, { logSeverityLevel: 4 })).release()
    inspectSource(memorySource(model))
    expect(Buffer.from(selfSoup(model)).equals(model)).toBe(true)
    expect(layoutOf(model).skeleton.byteLength).toBeLessThan(limits.textBytes)
  })

  test.each(carried)('%s need not agree', (_, write) => {
    const base = written(write, long)
    for (const text of [`${long.slice(1)}m`, `${long}l`, 'short']) {
      const other = written(write, text)
      expect(differencesOf(base, other)).toEqual([])
      expect(differencesOf(other, base)).toEqual([])
      expect(fingerprintOfBytes(other)).toBe(fingerprintOfBytes(base))
    }
  })

  test('a producer of such a name has none in the record', () => {
    const model = written((model, text) => Object.assign(model, { producerName: text }), long)
    expect(descriptionOf(model).producer).toBeNull()
  })
})

describe('names may not', () => {
  const names: [string, Write, object][] = [
    [
      'of a tensor',
      ({ graph }, text) => Object.assign(graph.initializer?.[1] ?? {}, { name: text }),
      { tensor: 'graph.initializer[1]' },
    ],
    ['of a node', ({ graph }, text) => Object.assign(graph.node?.[1] ?? {}, { name: text }), { node: 'graph.node[1]' }],
    ['of an input of a node', ({ graph }, text) => graph.node?.[1]?.input?.push(text), { node: 'graph.node[1]' }],
    ['of an input', ({ graph }, text) => Object.assign(graph.input?.[0] ?? {}, { name: text }), {}],
  ]
  test.each(names)('%s: the refusal names the place', (_, write, place) => {
    const { errors } = refusalOf(() => layoutOf(written(write, long)), 'TUREEN_MODEL_LIMIT', /bytes in graph\./)
    expect(errors).toMatchObject([{ ...place, message: expect.stringContaining('65,536 bytes') }])
    expect(layoutOf(written(write, long.slice(1))).tensors).toHaveLength(2)
  })
})
