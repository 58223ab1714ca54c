import type { onnx } from 'onnx-proto'
import { describe, expect, test } from 'vitest'
import { memorySource, readBytes } from '../../src/onnx/byte-source.ts'
import { refusalOf } from '../support/catalogue.ts'
import { fingerprintOfBytes } from '../support/inspecting.ts'
import { float32Tensor } from '../support/onnx-model.ts'
import { initializerBytes } from '../support/onnx-oracle.ts'
import { encodeModel } from '../support/rich-model.ts'
import { soupOfIngredients } from '../support/soup-of-files.ts'

const value = (name: string, elemType = 1): onnx.IValueInfoProto => {
  return { name, type: { tensorType: { elemType, shape: { dim: [{ dimParam: 'n' }, { dimValue: 2 }] } } } }
}

type Linear = { input: string; output: string; weight: string; values: number[]; activation?: string }

/** Linear maps side by side, `output = input * weight`: a soup of two such models has in each weight the mean of those of one map. */
function maps(
  linear: readonly Linear[],
  { inputs, outputs, more = [] }: { inputs?: string[]; outputs?: string[]; more?: onnx.INodeProto[] } = {},
): Uint8Array<ArrayBuffer> {
  return encodeModel({
    irVersion: 8,
    opsetImport: [{ domain: '', version: 13 }],
    graph: {
      name: 'maps',
      node: [
        ...linear.flatMap(({ input, output, weight, activation }) => [
          { opType: 'MatMul', input: [input, weight], output: [activation ? `${output} before` : output] },
          ...(activation ? [{ opType: activation, input: [`${output} before`], output: [output] }] : []),
        ]),
        ...more,
      ],
      initializer: linear.map(({ weight, values }) => float32Tensor(weight, [2, 2], values)),
      input: (inputs ?? [...new Set(linear.map(({ input }) => input))]).map(name => value(name)),
      output: (outputs ?? linear.map(({ output }) => output)).map(name => value(name)),
    },
  })
}

const full = (of: number) => [of, of, of, of]

/** The mean of two models in the first one's file: the first element of each of its weights, and the warnings. */
function mean(base: Uint8Array, other: Uint8Array) {
  const { files, warnings } = soupOfIngredients(
    [base, other].map(bytes => ({ files: { source: memorySource(bytes), data: new Map() }, weight: 1 })),
  )
  const soup = readBytes(files.source, 0, files.source.byteLength)
  const first = (name: string) => new Float32Array(Uint8Array.from(initializerBytes(soup, name)).buffer)[0]
  return { first, warnings }
}

const said = (base: Uint8Array, other: Uint8Array) =>
  refusalOf(() => mean(base, other), 'TUREEN_MODELS_DIFFER').errors.map(({ message }) => message)

const heads = (start: number, end: number, outputs = ['start', 'end'], names = ['a', 'b']) =>
  maps(
    [
      { input: 'x', output: outputs[0] ?? '', weight: names[0] ?? '', values: full(start) },
      { input: 'x', output: outputs[1] ?? '', weight: names[1] ?? '', values: full(end) },
    ],
    { outputs: [...outputs].sort() },
  )

/** Two towers, their product put out; `inputs` in the order of the file, the first tower reading the first. */
const towers = (query: number, doc: number, inputs: readonly [string, string], listed: string[] = [...inputs]) =>
  maps(
    [
      { input: inputs[0], output: 'q', weight: 'of query', values: full(query) },
      { input: inputs[1], output: 'd', weight: 'of doc', values: full(doc) },
    ],
    { inputs: listed, outputs: ['s'], more: [{ opType: 'Mul', input: ['q', 'd'], output: ['s'] }] },
  )

describe('outputs are paired by name', () => {
  test('in whatever order the files list them, though both orders fit', () => {
    const base = heads(1, 10)
    // Listed by name: "end" stands first. The other's weights have each other's names.
    const other = maps(
      [
        { input: 'x', output: 'end', weight: 'a', values: full(30) },
        { input: 'x', output: 'start', weight: 'b', values: full(3) },
      ],
      { outputs: ['start', 'end'] },
    )
    const { first } = mean(base, other)
    expect([first('a'), first('b')]).toEqual([2, 20])
    expect(fingerprintOfBytes(other)).toBe(fingerprintOfBytes(base))
  })

  test('in the order of the files where no name is in both, with the pairs in a warning', () => {
    const { first, warnings } = mean(heads(1, 10, ['end', 'start']), heads(3, 30, ['out 0', 'out 1']))
    expect([first('a'), first('b')]).toEqual([2, 20])
    expect(warnings).toContain(
      "model 1 has other names for outputs, paired in the order of the files with the base's: out 0 for end, out 1 for start",
    )
  })

  test('by structure where some names are in both and one way fits', () => {
    const three = (names: readonly string[], order: readonly number[], start: number) => {
      const activations = [undefined, 'Relu', 'Tanh'] as const
      const linear = names.map((output, index): Linear => {
        const activation = activations[index]
        return {
          input: 'x',
          output,
          weight: `w${index}`,
          values: full(start + index),
          ...(activation ? { activation } : {}),
        }
      })
      return maps(linear, { outputs: order.map(index => names[index] ?? '') })
    }
    const base = three(['logits', 'relu', 'tanh'], [0, 1, 2], 0)
    const { first, warnings } = mean(base, three(['logits', 'r2', 't2'], [2, 0, 1], 4))
    expect([0, 1, 2].map(index => first(`w${index}`))).toEqual([2, 3, 4])
    expect(warnings).toContain(
      "model 1 has other names for outputs, paired by structure with the base's: r2 for relu, t2 for tanh",
    )
  })

  test('are refused, all listed, where some names are in both and the rest fits in more than one way', () => {
    const three = (names: readonly string[]) =>
      maps(names.map((output, index) => ({ input: 'x', output, weight: `w${index}`, values: full(index) })))
    expect(said(three(['logits', 'b', 'c']), three(['logits', 'd', 'e']))).toContainEqual(
      expect.stringMatching(/^has the outputs d .*, e .* where the base has b .*, c /),
    )
  })

  test('are refused where only their order would fit, which is said', () => {
    const two = (names: readonly [string, string], start: number) =>
      maps([
        { input: 'x', output: names[0], weight: 'a', values: full(start) },
        { input: 'x', output: names[1], weight: 'b', values: full(start), activation: 'Relu' },
      ])
    expect(said(two(['logits', 'features'], 1), two(['features', 'logits'], 3))).toEqual([
      expect.stringMatching(
        /^lists features, logits where the base lists logits, features: .*paired by name.*order of the files/,
      ),
    ])
  })

  test('an output more or less is named', () => {
    const one = maps([{ input: 'x', output: 'start', weight: 'a', values: full(1) }])
    expect(said(one, heads(1, 2))).toContainEqual(expect.stringMatching(/^has 2 outputs, the base 1: more here end /))
    expect(said(heads(1, 2), one)).toContainEqual(
      expect.stringMatching(/^has 1 outputs, the base 2: missing here end /),
    )
  })
})

describe('inputs are paired by name', () => {
  test('in whatever order the files list them', () => {
    const base = towers(1, 10, ['query', 'doc'])
    const other = towers(3, 30, ['query', 'doc'], ['doc', 'query'])
    const { first, warnings } = mean(base, other)
    expect([first('of query'), first('of doc')]).toEqual([2, 20])
    expect(warnings).toEqual([])
    expect(fingerprintOfBytes(other)).toBe(fingerprintOfBytes(base))
  })

  test('though operands that look alike stand in another order, too', () => {
    const swapped = maps(
      [
        { input: 'doc', output: 'd', weight: 'first', values: full(30) },
        { input: 'query', output: 'q', weight: 'second', values: full(3) },
      ],
      { outputs: ['s'], more: [{ opType: 'Mul', input: ['d', 'q'], output: ['s'] }] },
    )
    const { first } = mean(towers(1, 10, ['query', 'doc']), swapped)
    expect([first('of query'), first('of doc')]).toEqual([2, 20])
  })

  test('in the order of the files where no name is in both, with the pairs in a warning', () => {
    const { first, warnings } = mean(towers(1, 10, ['query', 'doc']), towers(3, 30, ['i', 'j']))
    expect([first('of query'), first('of doc')]).toEqual([2, 20])
    expect(warnings).toContainEqual(
      expect.stringMatching(/for inputs, paired in the order of the files .*: i for query, j for doc$/),
    )
  })

  const three = (names: readonly [string, string, string], start: number, listed: string[] = [...names]) =>
    maps(
      names.map(
        (input, index): Linear => ({ input, output: `v${index}`, weight: `w${index}`, values: full(start + index) }),
      ),
      {
        inputs: listed,
        outputs: ['y'],
        more: [
          { opType: 'Sub', input: ['v0', 'v1'], output: ['u'] },
          { opType: 'Mul', input: ['u', 'v2'], output: ['y'] },
        ],
      },
    )

  test('by structure where some names are in both and one way fits', () => {
    const { first, warnings } = mean(three(['ids', 'mask', 'kind'], 0), three(['ids', 'm', 'k'], 4, ['k', 'm', 'ids']))
    expect([0, 1, 2].map(index => first(`w${index}`))).toEqual([2, 3, 4])
    expect(warnings).toContainEqual(
      expect.stringMatching(/for inputs, paired by structure with the base's: m for mask, k for kind$/),
    )
  })

  test('are refused, all listed, where some names are in both and the rest fits in more than one way', () => {
    const beside = (a: string, b: string) =>
      maps(
        [
          { input: 'ids', output: 'v', weight: 'w', values: full(1) },
          { input: a, output: 'va', weight: 'wa', values: full(1) },
          { input: b, output: 'vb', weight: 'wb', values: full(1) },
        ],
        { outputs: ['y'], more: [{ opType: 'Sum', input: ['v', 'va', 'vb'], output: ['y'] }] },
      )
    expect(said(beside('a', 'b'), beside('c', 'd'))).toEqual([
      expect.stringMatching(/^has the inputs c, d where the base has a, b: .*can be exchanged/),
    ])
  })

  test('an initializer that is listed as an input, as before IR version 4, is none', () => {
    const base = towers(1, 10, ['query', 'doc'])
    const listed = towers(3, 30, ['query', 'doc'], ['of query', 'doc', 'of doc', 'query'])
    const { first, warnings } = mean(base, listed)
    expect([first('of query'), first('of doc')]).toEqual([2, 20])
    expect(warnings).toEqual([])
  })

  test('that nothing reads have no part in it', () => {
    const base = towers(1, 10, ['query', 'doc'], ['query', 'unused', 'doc'])
    const other = towers(3, 30, ['query', 'doc'], ['seed', 'doc', 'query'])
    expect(mean(base, other).warnings).toEqual([])
  })
})

describe('operands of commutative operators that look alike', () => {
  const branches = (names: readonly [string, string], values: readonly [number, number], order: string[]) =>
    maps(
      names.map(
        (weight, index): Linear => ({ input: 'x', output: `v${index}`, weight, values: full(values[index] ?? 0) }),
      ),
      { outputs: ['y'], more: [{ opType: 'Add', input: order, output: ['y'] }] },
    )

  test('are paired by the names of their tensors', () => {
    const base = branches(['branch_a.weight', 'branch_b.weight'], [1, 10], ['v0', 'v1'])
    const swapped = branches(['branch_a.weight', 'branch_b.weight'], [3, 30], ['v1', 'v0'])
    const { first, warnings } = mean(base, swapped)
    expect([first('branch_a.weight'), first('branch_b.weight')]).toEqual([2, 20])
    expect(warnings).toEqual([expect.stringMatching(/commutative operators in another order.* names of their tensors/)])
    expect(fingerprintOfBytes(swapped)).toBe(fingerprintOfBytes(base))
  })

  test('stay as written where the names of both are others', () => {
    const base = branches(['a', 'b'], [1, 10], ['v0', 'v1'])
    const { first } = mean(base, branches(['c', 'd'], [3, 30], ['v0', 'v1']))
    expect([first('a'), first('b')]).toEqual([2, 20])
  })

  test('are paired by structure where that tells them apart, whatever their names say', () => {
    const told = (values: readonly [number, number], order: string[], names: readonly [string, string]) =>
      maps(
        [
          { input: 'x', output: 'v0', weight: names[0], values: full(values[0]), activation: 'Relu' },
          { input: 'x', output: 'v1', weight: names[1], values: full(values[1]), activation: 'Tanh' },
        ],
        { outputs: ['y'], more: [{ opType: 'Add', input: order, output: ['y'] }] },
      )
    const { first, warnings } = mean(told([1, 10], ['v0', 'v1'], ['a', 'b']), told([3, 30], ['v1', 'v0'], ['b', 'a']))
    expect([first('a'), first('b')]).toEqual([2, 20])
    expect(warnings).toContainEqual(expect.stringMatching(/paired by structure, against their names/))
  })
})

describe('operands of commutative operators that look alike and have other names', () => {
  /** Two branches, and what is computed of their results `v0` and `v1`. */
  const branches = (names: readonly [string, string], values: readonly [number, number], more: onnx.INodeProto[]) =>
    maps(
      names.map(
        (weight, index): Linear => ({
          input: 'x',
          output: `v${index}`,
          weight,
          values: full(values[index] ?? 0),
          activation: 'Relu',
        }),
      ),
      { outputs: ['y'], more },
    )
  const node = (opType: string, input: string[], output: string): onnx.INodeProto => ({
    opType,
    input,
    output: [output],
  })
  const anonymous = ['onnx::MatMul_11', 'onnx::MatMul_12'] as const
  const numbered = ['val_3', 'val_4'] as const
  const means = (base: Uint8Array, other: Uint8Array, names: readonly [string, string]) => {
    const { first } = mean(base, other)
    return names.map(first)
  }

  test.each([
    ['of the sum', [node('Mul', ['s', 'v0'], 'y')]],
    ['that are walked before the sum', [node('Sub', ['v0', 's'], 'y')]],
    ['that read what is beneath an operand', [node('Sub', ['s', 'v0 before'], 'y')]],
  ])('are paired as other readers pair them: %s', (_, more) => {
    const base = branches(anonymous, [1, 10], [node('Add', ['v0', 'v1'], 's'), ...more])
    const swapped = branches(numbered, [3, 30], [node('Add', ['v1', 'v0'], 's'), ...more])
    expect(means(base, swapped, anonymous)).toEqual([2, 20])
    expect(means(swapped, base, numbered)).toEqual([2, 20])
  })

  test('are paired as other readers pair them, whatever their names say', () => {
    const more = [node('Sub', ['s', 'v0'], 'y')]
    const base = branches(['a', 'b'], [1, 10], [node('Add', ['v0', 'v1'], 's'), ...more])
    expect(means(base, branches(['b', 'a'], [3, 30], [node('Add', ['v0', 'v1'], 's'), ...more]), ['a', 'b'])).toEqual([
      2, 20,
    ])
  })

  test('are paired by the ends of their names, which wrappers of a framework keep', () => {
    const base = branches(['a.fc.weight', 'b.fc.weight'], [1, 10], [node('Add', ['v0', 'v1'], 'y')])
    for (const prefix of ['module.', '_orig_mod.', 'model/']) {
      const names = [`${prefix}a.fc.weight`, `${prefix}b.fc.weight`] as const
      const swapped = branches(names, [3, 30], [node('Add', ['v1', 'v0'], 'y')])
      expect(means(base, swapped, ['a.fc.weight', 'b.fc.weight'])).toEqual([2, 20])
    }
  })

  test('are refused where two operators have them in orders that contradict each other', () => {
    const both = (sum: string[]) => [
      node('Add', sum, 's'),
      node('Mul', ['v0', 'v1'], 'p'),
      node('Sub', ['s', 'p'], 'y'),
    ]
    const base = branches(anonymous, [1, 10], both(['v0', 'v1']))
    expect(means(base, branches(numbered, [3, 30], both(['v0', 'v1'])), anonymous)).toEqual([2, 20])
    expect(said(base, branches(numbered, [3, 30], both(['v1', 'v0'])))[0]).toMatch(
      /one tensor there, .*two different ones/,
    )
  })
})
