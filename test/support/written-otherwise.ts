import { elementType, float32Tensor } from './onnx-model.ts'
import { type Model, named } from './varied-model.ts'

/** Changes that do not change the network of a varied model. */
export const writtenOtherwise: [string, (model: Model) => void][] = [
  [
    'names of nodes',
    ({ graph }) => {
      for (const node of graph.node) node.name = `${node.name} again`
    },
  ],
  [
    'names of an initializer, an input, an output and what nodes compute',
    ({ graph }) => {
      const renamed = (name: string) => (['b', 'x', 'y', 'product'].includes(name) ? `${name}2` : name)
      const values = [...graph.initializer, ...graph.input, ...graph.output]
      for (const each of values) each.name = renamed(each.name ?? '')
      for (const node of graph.node)
        Object.assign(node, { input: node.input?.map(renamed), output: node.output?.map(renamed) })
    },
  ],
  [
    'the order of nodes',
    ({ graph }) => {
      graph.node.reverse()
    },
  ],
  [
    'the order of operands that may stand in any',
    ({ graph }) => {
      named(graph.node, 'add').input = ['b', 'product']
    },
  ],
  [
    'an opset in which no operator means something else, and one more',
    model => {
      Object.assign(model.opsetImport?.[0] ?? {}, { version: 14 })
      model.opsetImport?.push({ domain: 'mine', version: 1 })
    },
  ],
  [
    'the IR version',
    model => {
      model.irVersion = 9
    },
  ],
  [
    'the name of the graph, the domain and version of the model',
    model => {
      model.graph.name = 'other'
      Object.assign(model, { domain: 'org.other', modelVersion: 7 })
    },
  ],
  [
    'what an output says of its shape, and an input',
    ({ graph }) => {
      for (const each of [...graph.input, ...graph.output])
        each.type = { tensorType: { elemType: elementType.float32 } }
    },
  ],
  [
    'a node and an initializer that no output depends on',
    ({ graph }) => {
      graph.node.push({ name: 'late', opType: 'Relu', input: ['y'], output: ['z'] })
      graph.initializer.push(float32Tensor('more', [1], [1]))
    },
  ],
  [
    'a function that nothing calls',
    model => {
      model.functions = [{ name: 'f', domain: 'mine' }]
    },
  ],
  [
    'an Identity in between',
    ({ graph }) => {
      named(graph.node, 'leaky').input = ['same']
      graph.node.push({ name: 'pass', opType: 'Identity', input: ['sum'], output: ['same'] })
    },
  ],
  [
    'an attribute that says what holds anyway',
    ({ graph }) => {
      named(graph.node, 'reshape').attribute = [{ name: 'allowzero', i: 0, type: 2 }]
    },
  ],
]
