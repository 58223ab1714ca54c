import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { appendInside, type MessagePath } from '../support/append-inside.ts'
import { postSoup, soup } from '../support/http-client.ts'
import { elementType, float32Tensor, linearModel } from '../support/onnx-model.ts'
import { startApp } from '../support/server.ts'
import { type Model, named, variedModel } from '../support/varied-model.ts'
import { bytesField, onnxField } from '../support/wire-bytes.ts'
import { writtenOtherwise } from '../support/written-otherwise.ts'

let app: Awaited<ReturnType<typeof startApp>>
beforeAll(async () => {
  app = await startApp()
})
afterAll(() => app.close())

type Bytes = Uint8Array<ArrayBuffer>

/** The soup of a varied model with one three times as large: the base with W and b doubled, all else as it stands. */
async function expectAveraged(base: Bytes, other: Bytes): Promise<void> {
  const response = await postSoup(app.url, [base, other], { provenance: false })
  if (response.status !== 200) throw new Error(await response.text())
  const result = Buffer.from(await response.arrayBuffer())
  const expected = Buffer.from(base)
  for (const values of [
    [1, 2, 3, 4],
    [5, 6],
  ]) {
    const payload = Buffer.from(Float32Array.from(values).buffer)
    const doubled = Buffer.from(Float32Array.from(values, value => 2 * value).buffer)
    doubled.copy(expected, expected.indexOf(payload))
  }
  expect(result.toString('hex')).toBe(expected.toString('hex'))
}

const describedOtherwise: [string, (model: Model) => void][] = [
  [
    'doc strings of model, graph, nodes, attributes, tensors and values',
    model => {
      const { graph } = model
      const all = [model, graph, ...graph.node, ...graph.initializer, ...graph.input, ...graph.output]
      for (const each of [...all, ...(named(graph.node, 'leaky').attribute ?? [])]) each.docString = 'told otherwise'
    },
  ],
  [
    'the producer',
    model => {
      Object.assign(model, { producerName: 'another', producerVersion: '2.0' })
    },
  ],
  [
    'metadata_props',
    model => {
      model.metadataProps = [{ key: 'author', value: 'someone' }]
    },
  ],
  [
    'the order of initializers',
    ({ graph }) => {
      graph.initializer.reverse()
    },
  ],
]

describe('models that differ only in how they are described are averaged, the base carried byte for byte', () => {
  test.each(describedOtherwise)('%s of the other', async (_, change) => {
    await expectAveraged(variedModel(), variedModel(change, 3))
  })

  test.each(describedOtherwise)('%s of the base', async (_, change) => {
    await expectAveraged(variedModel(change), variedModel(undefined, 3))
  })

  const { model, graph } = onnxField
  const entry = [bytesField(onnxField.entry.key, 'k'), bytesField(onnxField.entry.value, 'v')]
  test.each<[string, MessagePath, number]>([
    ['graph', [[model.graph, 0]], 16],
    [
      'node',
      [
        [model.graph, 0],
        [graph.node, 0],
      ],
      9,
    ],
    [
      'tensor',
      [
        [model.graph, 0],
        [graph.initializer, 0],
      ],
      16,
    ],
    [
      'value',
      [
        [model.graph, 0],
        [graph.input, 0],
      ],
      4,
    ],
  ])('metadata_props of a %s, which ONNX has had since 1.16', async (_, path, field) => {
    const described = (scale: number) => appendInside(variedModel(undefined, scale), path, bytesField(field, entry))
    await expectAveraged(variedModel(), described(3))
    await expectAveraged(described(1), variedModel(undefined, 3))
  })
})

describe('models that differ only in how the network is written down are averaged, the base carried byte for byte', () => {
  test.each(writtenOtherwise)('%s of the other', async (_, change) => {
    await expectAveraged(variedModel(), variedModel(change, 3))
  })

  test.each(writtenOtherwise)('%s of the base', async (_, change) => {
    await expectAveraged(variedModel(change), variedModel(undefined, 3))
  })
})

describe('models that differ in how they store their numbers are averaged', () => {
  const raw = (scale: number) => linearModel([scale, 2 * scale, 3 * scale, 4 * scale], [5 * scale, 6 * scale])
  const typed = (scale: number) =>
    linearModel([], [5 * scale, 6 * scale], ({ graph }) => {
      const floatData = [scale, 2 * scale, 3 * scale, 4 * scale]
      graph.input?.forEach(input => {
        input.type = (variedModelInput() ?? {}) as never
      })
      graph.initializer = [
        { name: 'W', dims: [2, 2], dataType: elementType.float32, floatData },
        { name: 'b', dims: [2], dataType: elementType.float32, floatData: [5 * scale, 6 * scale] },
      ]
    })
  const variedModelInput = () => ({
    tensorType: { elemType: elementType.float32, shape: { dim: [{ dimParam: 'batch' }, { dimValue: 2 }] } },
  })

  test('raw with typed: the result is stored as the base is', async () => {
    const result = await soup(app.url, [raw(1), typed(3)], { provenance: false })
    expect(Buffer.from(result).equals(raw(2))).toBe(true)
  })

  test('typed with raw: the result is stored as the base is', async () => {
    const result = await soup(app.url, [typed(1), raw(3)], { provenance: false })
    expect(Buffer.from(result).equals(typed(2))).toBe(true)
  })

  test('floats written one by one, unpacked, as old writers do', async () => {
    const unpacked = (scale: number) => {
      const values = [5 * scale, 6 * scale].map(value => Buffer.from(Float32Array.of(value).buffer))
      const bias = values.flatMap(bytes => [Buffer.of((4 << 3) | 5), bytes])
      const empty = linearModel([scale, 2 * scale, 3 * scale, 4 * scale], [0, 0], ({ graph }) => {
        const [W] = graph.initializer ?? []
        graph.initializer = [...(W ? [W] : []), { name: 'b', dims: [2], dataType: elementType.float32 }]
      })
      const { model, graph } = onnxField
      return appendInside(
        empty,
        [
          [model.graph, 0],
          [graph.initializer, 1],
        ],
        Buffer.concat(bias),
      )
    }
    const result = await soup(app.url, [unpacked(1), raw(3)], { provenance: false })
    expect(Buffer.from(result).toString('hex')).toBe(Buffer.from(unpacked(2)).toString('hex'))
  })

  test('a name that is a property of every object is a name like any other', async () => {
    const model = (value: number) =>
      linearModel([1, 2], [3, 4], ({ graph }) => {
        graph.initializer?.push(float32Tensor('__proto__', [1], [value]), float32Tensor('constructor', [1], [value]))
      })
    const result = await soup(app.url, [model(1), model(3)], { provenance: false })
    expect(Buffer.from(result).equals(model(2))).toBe(true)
  })
})
