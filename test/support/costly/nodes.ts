import type { onnx } from 'onnx-proto'
import { elementType } from '../onnx-model.ts'
import {
  attribute,
  chain,
  each,
  floatValue,
  graphOf,
  held,
  type MakeCostly,
  type Node,
  opsets,
  result,
  weight,
  write,
} from './parts.ts'

const negate: Node = { opType: 'Neg' }
const alone: Node = { opType: 'Neg', input: ['x'], output: ['y'] }
const condition = { name: 'c', type: { tensorType: { elemType: elementType.bool } } }

/** Returns nested Ifs, each with the same number of nodes. */
function nested(count: number, depth: number): onnx.IGraphProto {
  const wide = Math.max(1, Math.floor(count / depth))
  let inner: onnx.IGraphProto | undefined
  for (let level = depth - 1; level >= 0; level -= 1) {
    const name = (index: number) => `${result(index)}.${level}`
    const node: Node[] = each(wide, index => ({
      opType: 'Neg',
      input: [index === 0 ? 'x' : name(index - 1)],
      output: [name(index)],
    }))
    const ending: Node = { opType: 'Neg', input: [name(wide - 1)], output: [`y.${level}`] }
    const other = { name: 'e', node: [{ ...ending, output: ['z'] }], output: [{ name: 'z' }] }
    const branches = inner && [
      attribute('then_branch', { type: 5, g: inner }),
      attribute('else_branch', { type: 5, g: other }),
    ]
    node.push(branches ? { ...ending, opType: 'If', input: ['c'], attribute: branches } : ending)
    inner = { name: 'g', node, output: [{ name: `y.${level}` }] }
  }
  return { ...inner, input: [floatValue('x'), condition] }
}

const bodyOf = (node: Node[]) => ({ name: 'F', domain: 'f', input: ['a'], output: ['b'], opsetImport: opsets, node })

/** Models that have many nodes, values, functions or texts. */
export const costlyNodes = {
  'a chain of nodes': count => write(graphOf(chain(count, () => negate))),
  'a chain of copies': count => write(graphOf(chain(count, () => ({ opType: 'Identity' })))),
  'nodes that no output depends on': count =>
    write(graphOf([...each(count, index => ({ ...alone, output: [result(index)] })), alone])),
  'nodes without names or outputs': count => write(graphOf([...each(count, () => ({ opType: 'Neg' })), alone])),
  'one tensor that all nodes read': (count, seed = 0) =>
    write(
      graphOf(
        chain(count, () => ({ opType: 'Mul', input: ['w'] })),
        { initializer: [weight('w', 0, seed)] },
      ),
    ),
  'one node that reads a value again and again': count =>
    write(graphOf([{ opType: 'Sum', input: each(count, () => 'x'), output: ['y'] }])),
  'a value that is doubled again and again': count =>
    write(graphOf(chain(count, index => ({ opType: 'Add', input: [index === 0 ? 'x' : result(index - 1)] })))),
  'nodes that are alike, in one sum': count =>
    write(
      graphOf([
        ...each(count, index => ({ ...alone, output: [result(index)] })),
        { opType: 'Sum', input: each(count, result), output: ['y'] },
      ]),
    ),
  'copies of one tensor': (count, seed = 0) =>
    write(
      graphOf(
        [
          ...each(count, index => ({ opType: 'Identity', input: ['w'], output: [held(index)] })),
          ...chain(count, index => ({ opType: 'Mul', input: [held(index)] })),
        ],
        { initializer: [weight('w', 0, seed)] },
      ),
    ),
  'nodes with attributes': count =>
    write(
      graphOf(
        chain(count, index => ({
          opType: 'LeakyRelu',
          attribute: [attribute('alpha', { type: 1, f: index / 8 })],
        })),
      ),
    ),
  'a node with many attributes': count =>
    write(
      graphOf([{ ...alone, domain: 'f', attribute: each(count, index => attribute(`a${index}`, { type: 2, i: 1 })) }]),
    ),
  'nodes with texts': count => write(graphOf(chain(count, index => ({ ...negate, docString: `d${index}` })))),
  'entries of metadata': count =>
    write(graphOf([alone]), { metadataProps: each(count, index => ({ key: `k${index}`, value: 'v' })) }),
  'declared types': count =>
    write(
      graphOf(
        chain(count, () => negate),
        { valueInfo: each(count, index => floatValue(result(index))) },
      ),
    ),
  outputs: count =>
    write(
      graphOf(
        chain(count, () => negate),
        { output: each(count, index => floatValue(result(index))) },
      ),
    ),
  inputs: count =>
    write(
      graphOf([{ opType: 'Sum', input: each(count, result), output: ['y'] }], {
        input: each(count, index => floatValue(result(index))),
      }),
    ),
  functions: count =>
    write(graphOf(chain(count, index => ({ opType: `F${index}`, domain: 'f' }))), {
      functions: each(count, index => ({
        ...bodyOf([{ opType: 'Neg', input: ['a'], output: ['b'] }]),
        name: `F${index}`,
      })),
    }),
  'calls of one function': count =>
    write(graphOf(chain(count, () => ({ opType: 'F', domain: 'f' }))), {
      functions: [bodyOf([{ opType: 'Neg', input: ['a'], output: ['b'] }])],
    }),
  'nodes in subgraphs inside each other': count => write(nested(count, 40)),
  'nodes with subgraphs': count =>
    write(
      graphOf(
        each(count, index => {
          const branch = { ...alone, input: [index === 0 ? 'x' : result(index - 1)], output: ['z'] }
          const g = { name: 'g', node: [branch], output: [{ name: 'z' }] }
          return {
            opType: 'If',
            input: ['c'],
            output: [result(index)],
            attribute: ['then_branch', 'else_branch'].map(name => attribute(name, { type: 5, g })),
          }
        }),
        { input: [floatValue('x'), condition] },
      ),
    ),
} as const satisfies Record<string, MakeCostly>
