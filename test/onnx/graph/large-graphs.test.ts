import { describe, expect, test } from 'vitest'
import { memorySource } from '../../../src/onnx/byte-source.ts'
import { differencesOf, inspectSource } from '../../support/inspecting.ts'
import { float32Tensor } from '../../support/onnx-model.ts'
import { stopwatch } from '../../support/processor-time.ts'
import { encodeModel, modelOf } from '../../support/rich-model.ts'

const many = 10_000
const each = <Item>(count: number, item: (index: number) => Item) => Array.from({ length: count }, (_, at) => item(at))
const node = (opType: string, input: string[], output: string, more = {}) => ({
  opType,
  input,
  output: [output],
  ...more,
})
const graphOf = (nodes: ReturnType<typeof node>[], output: string) => ({
  node: nodes,
  input: [{ name: 'x' }],
  output: [{ name: output }],
})

/** A function that calls the next, `depth` times, around the nodes of the last. */
function nested(depth: number, nodes: ReturnType<typeof node>[]) {
  const names = each(depth, index => ({ name: `F${index}`, domain: 'f', input: ['a'], output: ['b'] }))
  return names.map((call, index) => ({
    ...call,
    node: index === depth - 1 ? nodes : [node(`F${index + 1}`, ['a'], 'b', { domain: 'f' })],
  }))
}
const calling = (depth: number, nodes: ReturnType<typeof node>[], calls: number) =>
  encodeModel({
    irVersion: 8,
    opsetImport: [{ version: 18 }, { domain: 'f', version: 1 }],
    graph: graphOf(
      each(calls, index => node('F0', [index ? `v${index - 1}` : 'x'], `v${index}`, { domain: 'f' })),
      `v${calls - 1}`,
    ),
    functions: nested(depth, nodes),
  })

/** Models whose size is no matter, if none of what is found is found again and again. */
const large: Record<string, () => Uint8Array> = {
  'a chain of Identity, its end read by as many nodes': () =>
    modelOf(
      graphOf(
        [
          ...each(many, index => node('Identity', [index ? `i${index - 1}` : 'x'], `i${index}`)),
          ...each(many, index => node('Add', [index ? `v${index - 1}` : 'x', `i${many - 1}`], `v${index}`)),
        ],
        `v${many - 1}`,
      ),
    ),
  'nodes that are all alike, read by one': () =>
    modelOf(
      graphOf(
        [
          ...each(many, index => node('Relu', ['x'], `v${index}`)),
          node(
            'Concat',
            each(many, index => `v${index}`),
            'y',
          ),
        ],
        'y',
      ),
    ),
  'functions that call each other': () => calling(3000, [node('Relu', ['a'], 'b')], 1),
  'a function with a long text, called again and again': () => {
    const attribute = [{ name: 'text', type: 3, s: Buffer.alloc(10_000_000, 'a') }]
    return calling(1, [node('Relu', ['a'], 'b', { attribute })], many)
  },
}

describe('large graphs are described and compared at once', () => {
  const models = Object.entries(large)
  test.each(models)(
    '%s',
    (_, write) => {
      const model = write()
      const other = Buffer.from(model)
      const elapsed = stopwatch()
      inspectSource(memorySource(model))
      expect(differencesOf(model, other)).toEqual([])
      for (const at of ['Relu', 'Concat', 'Add'].flatMap(opType => other.indexOf(opType))) {
        if (at < 0) continue
        const changed = Buffer.from(model)
        changed.write('Xxx', at)
        expect(differencesOf(model, changed).length).toBeGreaterThan(0)
      }
      expect(elapsed()).toBeLessThan(15_000)
    },
    120_000,
  )

  test('one tensor in the place of as many of the base', () => {
    const reading = (name: (index: number) => string, initializers: number) =>
      modelOf({
        node: [{ opType: 'Concat', input: each(many, name), output: ['y'] }],
        initializer: each(initializers, index => float32Tensor(`w${index}`, [1], [1])),
        output: [{ name: 'y' }],
      })
    const [separate, shared] = [reading(index => `w${index}`, many), reading(() => 'w0', 1)]
    const started = performance.now()
    expect(differencesOf(separate, shared)).toEqual([])
    expect(differencesOf(shared, separate)).toEqual([])
    expect(performance.now() - started).toBeLessThan(5000)
  }, 30_000)
})
