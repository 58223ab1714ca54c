import { elementType, float32Tensor, int64Tensor } from '../onnx-model.ts'
import {
  attribute,
  chain,
  each,
  floatValue,
  graphOf,
  held,
  type MakeCostly,
  type Node,
  reading,
  result,
  weight,
  weights,
  write,
} from './parts.ts'

/** Returns one node that reads x and all tensors. */
const gathering = (opType: string, count: number): Node => ({
  opType,
  input: ['x', ...each(count, held)],
  output: ['y'],
})

/** Returns nodes that each read x and a tensor, and a node that reads all of their results. */
const fan = (opType: string, count: number): Node[] => [
  ...each(count, index => ({ opType: 'Mul', input: ['x', held(index)], output: [result(index)] })),
  { opType, input: each(count, result), output: ['y'] },
]

const alone: Node = { opType: 'Neg', input: ['x'], output: ['y'] }
const custom: Node = { opType: 'Custom', domain: 'f', input: ['x'], output: ['y'] }

/** Returns Constants that a chain reads. */
const constants = (opType: string, count: number, holding: (index: number) => Node['attribute']) =>
  graphOf([
    ...each(count, index => ({ opType: 'Constant', output: [held(index)], attribute: holding(index) ?? [] })),
    ...reading(opType, count),
  ])

const named = (count: number, seed: number, nameOf: (index: number) => string) =>
  write(
    graphOf(
      chain(count, index => ({ name: `/${nameOf(index)}`, opType: 'Mul', input: [nameOf(index)] })),
      { initializer: each(count, index => weight(nameOf(index), index, seed)) },
    ),
  )

const external = (count: number, place: (index: number) => Record<string, string>) =>
  write(
    graphOf(reading('Mul', count), {
      initializer: each(count, index => ({
        name: held(index),
        dims: [1],
        dataType: elementType.float32,
        dataLocation: 1,
        externalData: Object.entries(place(index)).map(([key, value]) => ({ key, value })),
      })),
    }),
  )

/** Models that have many tensors. */
export const costlyTensors = {
  'tensors in a chain of products': (count, seed = 0) =>
    write(graphOf(reading('Mul', count), { initializer: weights(count, seed) })),
  'tensors in a chain of differences': (count, seed = 0) =>
    write(graphOf(reading('Sub', count), { initializer: weights(count, seed) })),
  'tensors in one sum': (count, seed = 0) =>
    write(graphOf([gathering('Sum', count)], { initializer: weights(count, seed) })),
  'tensors with a leading 1 in one sum, of every other seed': (count, seed = 0) =>
    write(graphOf([gathering('Sum', count)], { initializer: weights(count, seed, seed % 2 ? [1, 1] : [1]) })),
  'tensors in one list': (count, seed = 0) =>
    write(graphOf([gathering('Concat', count)], { initializer: weights(count, seed) })),
  'a fan of tensors into one sum': (count, seed = 0) =>
    write(graphOf(fan('Sum', count), { initializer: weights(count, seed) })),
  'a fan of tensors into one list': (count, seed = 0) =>
    write(graphOf(fan('Concat', count), { initializer: weights(count, seed) })),
  'tensors that no node reads': (count, seed = 0) => write(graphOf([alone], { initializer: weights(count, seed) })),
  'tensors without elements': count =>
    write(graphOf([alone], { initializer: each(count, index => ({ name: held(index), dims: [0], dataType: 1 })) })),
  'empty tensors': count => write(graphOf([alone], { initializer: each(count, () => ({})) })),
  'tensors as lists of floats': (count, seed = 0) =>
    write(
      graphOf(reading('Mul', count), {
        initializer: each(count, index => ({ name: held(index), dims: [1], dataType: 1, floatData: [index + seed] })),
      }),
    ),
  'integer tensors': count =>
    write(
      graphOf(reading('Gather', count), {
        initializer: each(count, index => int64Tensor(held(index), [1], [index % 7])),
      }),
    ),
  reshapes: count =>
    write(
      graphOf(reading('Reshape', count), { initializer: each(count, index => int64Tensor(held(index), [2], [0, -1])) }),
    ),
  'layers and reshapes': (count, seed = 0) =>
    write(
      graphOf(
        chain(count, index =>
          index % 2 ? { opType: 'Reshape', input: ['s'] } : { opType: 'MatMul', input: [held(index)] },
        ),
        {
          initializer: [
            int64Tensor('s', [2], [0, -1]),
            ...each(Math.ceil(count / 2), index => weight(held(2 * index), index, seed, [1, 1])),
          ],
        },
      ),
    ),
  'layers with biases': (count, seed = 0) =>
    write(
      graphOf(
        chain(count, index => ({ opType: 'Gemm', input: [held(index), `b${index}`] })),
        {
          initializer: each(count, index => [
            weight(held(index), index, seed, [1, 1]),
            weight(`b${index}`, index, seed),
          ]).flat(),
        },
      ),
    ),
  'batch norms': (count, seed = 0) => {
    const statistics = (index: number) => ['s', 'b', 'm', 'r'].map(kind => `${kind}${index}`)
    return write(
      graphOf(
        chain(count, index => ({ opType: 'BatchNormalization', input: statistics(index) })),
        { initializer: each(count, index => statistics(index).map(name => weight(name, index, seed))).flat() },
      ),
    )
  },
  'quantised tensors with scales': count =>
    write(
      graphOf(
        [
          ...each(count, index => ({ opType: 'DequantizeLinear', input: [`q${index}`, 's'], output: [held(index)] })),
          ...reading('Mul', count),
        ],
        {
          initializer: [
            float32Tensor('s', [], [1]),
            ...each(count, index => ({
              name: `q${index}`,
              dims: [2],
              dataType: elementType.int8,
              rawData: Uint8Array.of(index % 100, 1),
            })),
          ],
        },
      ),
    ),
  'annotations of quantisation': count =>
    write(
      graphOf([alone], {
        initializer: weights(count, 0),
        quantizationAnnotation: each(count, index => ({
          tensorName: 'x',
          quantParameterTensorNames: [{ key: 'SCALE_TENSOR', value: held(index) }],
        })),
      }),
    ),
  constants: (count, seed = 0) =>
    write(constants('Mul', count, index => [attribute('value', { type: 4, t: weight('', index, seed) })])),
  'constants of plain floats': (count, seed = 0) =>
    write(constants('Mul', count, index => [attribute('value_float', { type: 1, f: index + seed })])),
  'constants of integers': count =>
    write(constants('Gather', count, index => [attribute('value_ints', { type: 7, ints: [index] })])),
  'tensors in the attributes of one node': (count, seed = 0) =>
    write(
      graphOf([
        { ...custom, attribute: each(count, index => attribute(`a${index}`, { type: 4, t: weight('', index, seed) })) },
      ]),
    ),
  'tensors in one attribute': (count, seed = 0) =>
    write(
      graphOf([
        { ...custom, attribute: [attribute('a', { type: 9, tensors: each(count, index => weight('', index, seed)) })] },
      ]),
    ),
  'tensors with long names': (count, seed = 0) => named(count, seed, index => `${'n'.repeat(200)}/${index}`),
  'tensors of modules': (count, seed = 0) =>
    named(count, seed, index => `m.${[...index.toString(2).padStart(16, '0')].join('.')}.weight`),
  'tensors whose names other seeds give to others': (count, seed = 0) =>
    named(count, seed, index => held((index + seed) % count)),
  'initializers that inputs declare': (count, seed = 0) =>
    write(
      graphOf(reading('Mul', count), {
        initializer: weights(count, seed),
        input: ['x', ...each(count, held)].map(floatValue),
      }),
    ),
  'sparse tensors': (count, seed = 0) =>
    write(
      graphOf(reading('Mul', count), {
        sparseInitializer: weights(count, seed).map(values => ({
          values,
          indices: int64Tensor('', [1], [0]),
          dims: [4],
        })),
      }),
    ),
  'texts in one tensor': count =>
    write(
      graphOf([{ ...custom, input: ['x', 'w'] }], {
        initializer: [
          {
            name: 'w',
            dims: [count],
            dataType: elementType.string,
            stringData: each(count, index => Buffer.from(index.toString(36))),
          },
        ],
      }),
    ),
  'tensors in one data file': count => external(count, index => ({ location: 'd', offset: String(4 * index) })),
  'tensors in a data file each': count => external(count, index => ({ location: `d${index}` })),
} as const satisfies Record<string, MakeCostly>
