import { describe, expect, test } from 'vitest'
import { TureenError } from '../../src/errors.ts'
import { memorySource } from '../../src/onnx/byte-source.ts'
import { inspectModel } from '../../src/onnx/graph/inspect-model.ts'
import { limits } from '../../src/onnx/model-limits.ts'
import { readLayout } from '../../src/onnx/read-layout.ts'
import { outcomeOf, refusalOf } from '../support/catalogue.ts'
import { inspectSource, layoutOf } from '../support/inspecting.ts'
import { linearModel } from '../support/onnx-model.ts'
import { stopwatch } from '../support/processor-time.ts'
import { richModel } from '../support/rich-model.ts'
import { type VirtualPart, virtualSource } from '../support/virtual-source.ts'
import {
  bytesField,
  modelBytes,
  onnxField,
  parseFields,
  tensorBytes,
  varint,
  varintField,
} from '../support/wire-bytes.ts'

const { model: modelField, graph: graphField, node: nodeField, attribute: attributeField } = onnxField

/** Returns the record of an uploaded file. */
function recordOf(bytes: Uint8Array) {
  return inspectModel({ layout: layoutOf(bytes), source: memorySource(bytes), data: new Map() })
}

/** `innermost` inside so many messages, `numbers` (from the outside to the inside, repeated) being their field numbers. */
function nested(levels: number, numbers: readonly number[], innermost = Buffer.alloc(0)): Buffer {
  const headers: Buffer[] = []
  let length = innermost.byteLength
  for (let level = levels - 1; level >= 0; level -= 1) {
    const header = Buffer.concat([varint((numbers[level % numbers.length] ?? 1) * 8 + 2), varint(length)])
    headers.push(header)
    length += header.byteLength
  }
  return Buffer.concat([...headers.reverse(), innermost])
}

/** A model nested to `depth`: the graph is at 1, then an input, its type, and types of sequences of sequences. */
function typesOfDepth(depth: number): Buffer {
  const fields = [2, ...Array.from({ length: depth - 3 }, (_, index) => (index % 2 === 0 ? 4 : 1))]
  return modelBytes([], bytesField(graphField.input, [bytesField(1, 'x'), nested(fields.length, fields)]))
}

describe('nesting', () => {
  test(`to ${limits.messageDepth} levels is read and decoded`, () => {
    expect(outcomeOf(() => inspectSource(memorySource(typesOfDepth(limits.messageDepth))))).toBeUndefined()
  })

  test.each([limits.messageDepth + 1, 5000, 100_000])('to %i levels is refused', depth => {
    const elapsed = stopwatch()
    refusalOf(() => layoutOf(typesOfDepth(depth)), 'TUREEN_MODEL_LIMIT', /levels of nested messages/)
    expect(elapsed()).toBeLessThan(10_000)
  })

  test('of subgraphs is counted in messages, at 96 levels (the deepest seen) it is read', () => {
    const graph = (levels: number): Buffer =>
      levels === 0
        ? bytesField(graphField.initializer, tensorBytes('deep', 1, [0]))
        : bytesField(graphField.node, bytesField(nodeField.attribute, bytesField(attributeField.g, graph(levels - 1))))
    const model = bytesField(modelField.graph, graph(31))
    expect(layoutOf(model).tensors).toMatchObject([{ name: 'deep' }])
    refusalOf(() => layoutOf(bytesField(modelField.graph, graph(70))), 'TUREEN_MODEL_LIMIT')
  })

  test('inside a field that nobody knows is not followed', () => {
    const model = Buffer.concat([linearModel([1], [2]), nested(100_000, [1999, 1])])
    expect(outcomeOf(() => inspectSource(memorySource(model)))).toBeUndefined()
  })
})

describe('limits', () => {
  test(`a rank of ${limits.tensorRank} is read, one more is refused`, () => {
    const tensor = (rank: number) => tensorBytes('W', 1, Array(rank).fill(1), bytesField(9, Buffer.alloc(4)))
    expect(layoutOf(modelBytes([tensor(limits.tensorRank)])).tensors).toHaveLength(1)
    refusalOf(
      () => layoutOf(modelBytes([tensor(limits.tensorRank + 1)])),
      'TUREEN_MODEL_LIMIT',
      /dimensions in the tensor W/,
    )
  })

  test(`a name of ${limits.textBytes} bytes is read, one more is refused`, () => {
    const node = (length: number) => bytesField(graphField.node, bytesField(nodeField.name, 'n'.repeat(length)))
    expect(outcomeOf(() => layoutOf(modelBytes([], node(limits.textBytes))))).not.toBeInstanceOf(TureenError)
    refusalOf(
      () => layoutOf(modelBytes([], node(limits.textBytes + 1))),
      'TUREEN_MODEL_LIMIT',
      /graph\.node\[0\]\.name/,
    )
  })

  test(`more than ${limits.skeletonBytes} bytes of structure are refused without being read`, () => {
    const name = limits.textBytes
    const node = Buffer.concat([
      nested(1, [graphField.node]).subarray(0, 1),
      varint(name + 4),
      varint(nodeField.name * 8 + 2),
      varint(name),
    ])
    const count = Math.ceil(limits.skeletonBytes / name)
    const parts: VirtualPart[] = Array.from({ length: count }, () => [node, { hole: name }]).flat()
    const length = count * (node.byteLength + name)
    const source = virtualSource([Buffer.concat([varint(modelField.graph * 8 + 2), varint(length)]), ...parts])
    refusalOf(() => readLayout(source), 'TUREEN_MODEL_LIMIT', /bytes of structure/)
  })

  test(`more than ${limits.nodes} nodes are refused`, () => {
    const node = bytesField(graphField.node, '')
    const model = modelBytes([], Buffer.alloc((limits.nodes + 1) * node.byteLength, node))
    refusalOf(() => layoutOf(model), 'TUREEN_MODEL_LIMIT', /nodes/)
  })

  test(`more than ${limits.messages} messages are refused`, () => {
    const input = bytesField(graphField.input, '')
    const model = modelBytes([], Buffer.alloc((limits.messages + 1) * input.byteLength, input))
    refusalOf(() => layoutOf(model), 'TUREEN_MODEL_LIMIT', /messages/)
  })

  test(`${limits.opsets} imports of operator sets are read, one more is refused`, () => {
    const opset = (index: number) => bytesField(modelField.opsetImport, [bytesField(1, `d${index}`), varintField(2, 1)])
    // One import is the model's own.
    const importing = (count: number) =>
      Buffer.concat([linearModel([1], [1]), ...Array.from({ length: count - 1 }, (_, index) => opset(index))])
    expect(recordOf(importing(limits.opsets)).opsets).toHaveLength(limits.opsets)
    refusalOf(() => recordOf(importing(limits.opsets + 1)), 'TUREEN_MODEL_LIMIT', /1,000 imports/)
  })

  test(`${limits.interfaceValues} inputs and outputs are read, one more is refused`, () => {
    const input = (index: number) => bytesField(graphField.input, bytesField(1, `unread${index}`))
    // The network's own input and output count.
    const taking = (count: number) =>
      Buffer.concat([
        linearModel([1], [1]),
        bytesField(modelField.graph, Buffer.concat(Array.from({ length: count - 2 }, (_, index) => input(index)))),
      ])
    const { inputs, outputs } = recordOf(taking(limits.interfaceValues))
    expect(inputs.length + outputs.length).toBe(limits.interfaceValues)
    refusalOf(() => recordOf(taking(limits.interfaceValues + 1)), 'TUREEN_MODEL_LIMIT', /20,000 inputs and outputs/)
  })

  test(`more than ${limits.payloadRuns} stretches of what nobody knows are refused`, () => {
    const pair = Buffer.concat([bytesField(1000, ''), bytesField(1001, '')])
    const model = modelBytes([], Buffer.alloc((limits.payloadRuns / 2 + 1) * pair.byteLength, pair))
    refusalOf(() => layoutOf(model), 'TUREEN_MODEL_LIMIT', /stretches/)
  })
})

describe('a model cut off anywhere', () => {
  test.each([
    ['with everything in it', Buffer.from(richModel())],
    ['of one layer', Buffer.from(linearModel([1, 2, 3, 4], [5, 6]))],
  ])('%s: every length ends in a result or a refusal, and inside the graph always in a refusal', (_, model) => {
    const graph = parseFields(model).find(({ number }) => number === modelField.graph)
    const elapsed = stopwatch()
    for (let length = 0; length < model.byteLength; length += 1) {
      const outcome = outcomeOf(() => inspectSource(memorySource(model.subarray(0, length))))
      if (length < (graph?.end ?? 0)) expect(outcome, `${length} bytes`).toBeInstanceOf(TureenError)
    }
    expect(elapsed()).toBeLessThan(30_000)
  })
})

describe('lies', () => {
  test.each([
    ['beyond the file', 2n ** 40n],
    ['beyond any file', 2n ** 63n],
    ['negative', -1n],
  ])('a graph whose length is %s', (_, length) => {
    const model = Buffer.concat([varint(modelField.graph * 8 + 2), varint(length), Buffer.alloc(100)])
    refusalOf(() => layoutOf(model), 'TUREEN_MODEL_MALFORMED')
  })

  test('a message that reaches beyond the one around it', () => {
    const tensor = Buffer.concat([varint(graphField.initializer * 8 + 2), varint(20), tensorBytes('W', 1, [0])])
    const model = Buffer.concat([
      bytesField(modelField.graph, tensor),
      bytesField(modelField.docString, 'x'.repeat(50)),
    ])
    refusalOf(() => layoutOf(model), 'TUREEN_MODEL_MALFORMED', /claims/)
  })

  test.each(['initializer', 'node', 'input'] as const)('a number where a message should be: graph.%s', name => {
    refusalOf(() => layoutOf(modelBytes([], varintField(graphField[name], 5))), 'TUREEN_MODEL_MALFORMED')
  })

  test.each([
    ['raw_data', 9, 0],
    ['raw_data', 9, 5],
    ['string_data', 6, 0],
    ['float_data', 4, 0],
    ['float_data', 4, 1],
    ['double_data', 10, 5],
    ['int32_data', 5, 5],
    ['int64_data', 7, 1],
  ])('%s with a wire type that it cannot have', (_, number, type) => {
    const payload = Buffer.concat([varint(number * 8 + type), Buffer.alloc(type === 0 ? 1 : type === 1 ? 8 : 4)])
    refusalOf(() => layoutOf(modelBytes([tensorBytes('W', 1, [1], payload)])), 'TUREEN_MODEL_MALFORMED', /wire type/i)
  })

  test('no graph at all', () => {
    refusalOf(() => layoutOf(varintField(modelField.irVersion, 8)), 'TUREEN_NOT_ONNX', /no graph/)
  })
})
