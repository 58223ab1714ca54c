import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { candidatePlan } from '../../src/merge/candidate-plan.ts'
import { defaultSettings } from '../../src/merge/merge-input.ts'
import { mergeInputs } from '../../src/merge/merge-inputs.ts'
import { planSource } from '../../src/merge/plan-source.ts'
import { prepare } from '../../src/merge/prepare.ts'
import { memorySource, readBytes } from '../../src/onnx/byte-source.ts'
import { readLayout } from '../../src/onnx/read-layout.ts'
import { checkedPlan } from '../../src/threads/checked-plan.ts'
import { refusalOf } from '../support/catalogue.ts'
import { type ChainLink, namedChain } from '../support/named-chain.ts'
import { elementType, float32Tensor, int64Tensor } from '../support/onnx-model.ts'
import { tensorsOf } from '../support/onnx-oracle.ts'
import { describeShared, sharedDirectory } from '../support/shared.ts'
import { checkSearch, planInMemory, soupInMemory, soupOfFiles } from '../support/soup.ts'

type Change = Parameters<typeof namedChain>[2]

/** The names in `a` of the tensors that a rule keeps as they are in `a`, of two models that differ in every element. */
function kept(match: string, a: Uint8Array, b: Uint8Array, base = 0): string[] {
  const models = [a, b].map(bytes => ({ bytes, weight: 1 }))
  const soup = tensorsOf(soupInMemory(models, { rules: [{ match, skip: true }], base }))
  const own = new Map(tensorsOf(base === 0 ? a : b).map(tensor => [tensor.path, tensor]))
  return soup.flatMap(({ path, bytes, dataType }) => {
    const tensor = own.get(path)
    return dataType === elementType.float32 && tensor?.bytes.equals(bytes) ? [tensor.name] : []
  })
}

/** What a rule keeps of a chain of matrices and a copy of it with other values. */
function keptOfChain(match: string, links: readonly ChainLink[], change?: Change): string[] {
  return kept(match, namedChain(links, 1, change), namedChain(links, 3, change))
}

const scoped: ChainLink[] = [
  { weight: 'onnx::MatMul_5', node: '/layers/0/linear1/MatMul' },
  { weight: 'onnx::MatMul_6', node: '/layers/1/linear1/MatMul' },
  { weight: 'head.weight', node: '/head/MatMul' },
]

describe('a glob matches a tensor by the name of the node that reads it', () => {
  test.each([
    ['layers.*', ['onnx::MatMul_5', 'onnx::MatMul_6']],
    ['layers.0.linear1*', ['onnx::MatMul_5']],
    ['/layers/0/*', ['onnx::MatMul_5']],
    ['layers/0/linear1/MatMul', ['onnx::MatMul_5']],
    ['*/linear1/*', ['onnx::MatMul_5', 'onnx::MatMul_6']],
    ['*.1.linear1*', ['onnx::MatMul_6']],
    ['layers.?.linear1.MatMul', ['onnx::MatMul_5', 'onnx::MatMul_6']],
    ['onnx::MatMul_6', ['onnx::MatMul_6']],
    ['head/weight', ['head.weight']],
    ['*', ['onnx::MatMul_5', 'onnx::MatMul_6', 'head.weight']],
  ])('%s', (match, expected) => {
    expect(keptOfChain(match, scoped)).toEqual(expected)
  })

  test('as torch writes a module in a list, and as the module is called', () => {
    const links = [
      { weight: 'onnx::Conv_5', node: '/layer1/layer1.0/conv1/MatMul' },
      { weight: 'onnx::Conv_8', node: '/layer1/layer1.1/conv1/MatMul' },
    ]
    expect(keptOfChain('layer1.0.*', links)).toEqual(['onnx::Conv_5'])
    expect(keptOfChain('layer1.layer1.1.*', links)).toEqual(['onnx::Conv_8'])
  })

  test('as TensorFlow’s converter writes it', () => {
    const links = [
      { weight: 'const_fold_opt__20', node: 'model/dense/MatMul' },
      { weight: 'const_fold_opt__21', node: 'model/dense_1/MatMul' },
    ]
    expect(keptOfChain('model.dense.*', links)).toEqual(['const_fold_opt__20'])
  })

  test('behind operators that only move its elements, whose names count as well', () => {
    const change: Change = ({ graph }) => {
      graph.node.unshift(
        { name: '/layers/0/Transpose', opType: 'Transpose', input: ['w'], output: ['t'] },
        { name: '/layers/0/Reshape', opType: 'Reshape', input: ['t', 'shape'], output: ['w2'] },
      )
      graph.initializer?.push(int64Tensor('shape', [2], [2, 2]))
      const [matmul] = graph.node.filter(({ opType }) => opType === 'MatMul')
      if (matmul) matmul.input = ['x', 'w2']
    }
    const links = [{ weight: 'w', node: '/q/MatMul' }, { weight: 'other' }]
    for (const match of ['q.*', 'layers.0.Transpose', 'layers.*.Reshape'])
      expect(keptOfChain(match, links, change)).toEqual(['w'])
  })

  test('through Identity, whose output is the name of a tensor that the exporter found to be equal', () => {
    const change: Change = ({ graph }) => {
      graph.node.unshift({
        name: 'Identity_30',
        opType: 'Identity',
        input: ['encoder.weight'],
        output: ['decoder.weight'],
      })
      const matmuls = graph.node.filter(({ opType }) => opType === 'MatMul')
      const last = matmuls.at(-1)
      if (last?.input) last.input[1] = 'decoder.weight'
    }
    const links = [{ weight: 'encoder.weight', node: 'a' }, { weight: 'between' }, { weight: 'unread', node: 'z' }]
    for (const match of ['decoder.*', 'z', 'Identity_30'])
      expect(keptOfChain(match, links, change)).toEqual(['encoder.weight'])
  })

  test('in a function of the model, or by the node that calls it', () => {
    const change: Change = model => {
      const [call] = model.graph.node
      if (call) Object.assign(call, { name: '/layers/0/linear', opType: 'Linear', domain: 'local' })
      model.opsetImport?.push({ domain: 'local', version: 1 })
      model.functions = [
        {
          name: 'Linear',
          domain: 'local',
          input: ['x', 'w'],
          output: ['y'],
          opsetImport: [{ domain: '', version: 13 }],
          node: [{ name: 'inner/product', opType: 'MatMul', input: ['x', 'w'], output: ['y'] }],
        },
      ]
    }
    for (const match of ['layers.0.*', 'inner.product'])
      expect(keptOfChain(match, [{ weight: '12' }, { weight: '13', node: '/layers/1/linear' }], change)).toEqual(['12'])
  })

  test('in a subgraph, or by the node that holds it', () => {
    const change: Change = ({ graph }) => {
      const [first] = graph.node
      const branch = (name: string, weight: string) => ({
        name,
        node: [{ name: `/${name}/MatMul`, opType: 'MatMul', input: ['x', weight], output: [`${name}_y`] }],
        output: [{ name: `${name}_y`, type: { tensorType: { elemType: 1 } } }],
      })
      graph.initializer?.push({ name: 'condition', dims: [], dataType: 9, rawData: Uint8Array.of(1) })
      if (first)
        Object.assign(first, {
          name: '/gate/If',
          opType: 'If',
          input: ['condition'],
          attribute: [
            { name: 'then_branch', type: 5, g: branch('yes', '20') },
            { name: 'else_branch', type: 5, g: branch('no', '20') },
          ],
        })
    }
    const links = [{ weight: '20' }, { weight: '22', node: '/last/MatMul' }]
    for (const match of ['yes.*', 'no.MatMul', 'gate.*']) expect(keptOfChain(match, links, change)).toEqual(['20'])
  })

  test('where a Constant holds it: by its output, its own name, and the node that reads it', () => {
    const change: Change = ({ graph }) => {
      const [tensor] = graph.initializer?.splice(0, 1) ?? []
      graph.node.unshift({
        name: '/mask/Constant',
        opType: 'Constant',
        output: ['held'],
        attribute: [{ name: 'value', type: 4, t: tensor ?? null }],
      })
    }
    const links = [{ weight: 'held', node: '/first/MatMul' }, { weight: 'w2' }]
    for (const match of ['held', 'mask.*', 'first.*']) expect(keptOfChain(match, links, change)).toEqual(['held'])
  })
})

describe('a matrix that the exporter renamed goes by its module', () => {
  /** Nodes of modules in a container that is never called lack its name, and are counted: torch 1.13 with a ModuleDict. */
  const links: ChainLink[] = [
    { weight: 'onnx::MatMul_63', node: '/q/MatMul', bias: 'layers.0.q.bias', add: '/q/Add' },
    { weight: 'onnx::MatMul_76', node: '/q_1/MatMul', bias: 'layers.1.q.bias', add: '/q_1/Add' },
    { weight: 'onnx::MatMul_89', node: '/head/MatMul' },
  ]

  test.each([
    ['layers.*', ['onnx::MatMul_63', 'layers.0.q.bias', 'onnx::MatMul_76', 'layers.1.q.bias']],
    ['layers.1.*', ['onnx::MatMul_76', 'layers.1.q.bias']],
    ['layers.0.q.weight', ['onnx::MatMul_63']],
    ['*.weight', ['onnx::MatMul_63', 'onnx::MatMul_76']],
  ])('%s', (match, expected) => {
    expect(keptOfChain(match, links)).toEqual(expected)
  })

  test('whose bias is added to its product, where nodes have no scopes', () => {
    const numbered = [
      { weight: '638', node: 'MatMul_93', bias: 'encoder.1.bias', add: 'Add_94' },
      { weight: '639', node: 'MatMul_95', bias: 'decoder.1.bias', add: 'Add_96' },
    ]
    expect(keptOfChain('encoder.*', numbered)).toEqual(['638', 'encoder.1.bias'])
  })

  test('whose other tensors the nodes of its scope read, in no other module', () => {
    const change: Change = ({ graph }, value) => {
      graph.initializer?.push(float32Tensor('layers.0.gate.scale', [2], [value, value]))
      graph.node.push({ name: '/gate/Mul', opType: 'Mul', input: ['y', 'layers.0.gate.scale'], output: ['z'] })
      for (const output of graph.output ?? []) output.name = 'z'
    }
    const chain = [
      { weight: 'val_3', node: '/gate/MatMul' },
      { weight: 'val_4', node: '/other/MatMul' },
    ]
    expect(keptOfChain('layers.0.gate.MatMul', chain, change)).toEqual(['val_3'])
  })

  test('but not where its own name says what it is', () => {
    const chain = [{ weight: 'mixing', node: '/q/MatMul', bias: 'layers.0.q.bias', add: '/q/Add' }]
    expect(keptOfChain('layers.*', [...chain, { weight: 'last' }])).toEqual(['layers.0.q.bias'])
  })
})

describe('a glob matches a tensor by its name in another model', () => {
  const numbers: ChainLink[] = [{ weight: '617' }, { weight: '618' }]
  const names: ChainLink[] = [{ weight: 'stem.weight' }, { weight: 'head.weight' }]

  test.each([0, 1])('whichever is the base (%i)', base => {
    const [a, b] = [namedChain(numbers, 1), namedChain(names, 3)]
    expect(kept('stem.*', a, b, base)).toEqual([base === 0 ? '617' : 'stem.weight'])
  })

  test('by the nodes that read it there, unless an exporter counted them', () => {
    const a = namedChain(numbers, 1)
    const scopes = numbers.map(({ weight }, index) => ({ weight, node: `/blocks/${index}/MatMul` }))
    expect(kept('blocks.1.*', a, namedChain(scopes, 3))).toEqual(['618'])
    const counted = numbers.map(({ weight }, index) => ({ weight, node: `MatMul_${index}` }))
    const models = [a, namedChain(counted, 3)].map(bytes => ({ bytes, weight: 1 }))
    refusalOf(() => soupInMemory(models, { rules: [{ match: 'MatMul_*', skip: true }] }), 'TUREEN_RULE_UNMATCHED')
  })

  test('but not by a number there, which stands for another tensor', () => {
    const b = namedChain([{ weight: '618' }, { weight: '619' }], 3)
    expect(kept('618', namedChain(numbers, 1), b)).toEqual(['618'])
  })

  test('nor by a name that the base has for another tensor', () => {
    const swapped = namedChain([{ weight: 'head.weight' }, { weight: 'stem.weight' }], 3)
    expect(kept('stem.*', namedChain(names, 1), swapped)).toEqual(['stem.weight'])
  })

  test('property: rules meet the same tensors from either base, whatever the two call them', () => {
    const name = fc.constantFrom('617', 'onnx::MatMul_4', 'val_2', 'a.w', 'b.w', 'layers/0/w')
    const chain = fc.uniqueArray(name, { minLength: 3, maxLength: 3 })
    const node = fc.constantFrom('', '/a/MatMul', '/b/MatMul', '/layers/0/MatMul')
    const nodes = fc.tuple(node, node, node)
    const arbitrary = fc.tuple(chain, nodes, chain, nodes, fc.constantFrom('a.*', '/layers/*', '*w', '*MatMul'))
    fc.assert(
      fc.property(arbitrary, ([ofA, nodesOfA, ofB, nodesOfB, match]) => {
        const links = (some: string[], readers: string[]) =>
          some.map((weight, index) => ({ weight, node: readers[index] ?? '' }))
        // Contradicting names are settled by the base, so that only agreeing ones are tried here.
        const telling = (some: string[], readers: string[]) =>
          some.flatMap((weight, index) =>
            [weight, readers[index] ?? '']
              .filter(each => /^[/abl]/.test(each))
              .map(each => [each.replace(/^\//, ''), index]),
          )
        const places = new Map<string | number | undefined, string | number | undefined>()
        for (const [text, index] of [...telling(ofA, nodesOfA), ...telling(ofB, nodesOfB)]) {
          if ((places.get(text) ?? index) !== index) return
          places.set(text, index)
        }
        const [a, b] = [namedChain(links(ofA, nodesOfA), 1), namedChain(links(ofB, nodesOfB), 3)]
        const models = [a, b].map(bytes => ({ bytes, weight: 1 }))
        const met = [0, 1].map(base => {
          try {
            soupInMemory(models, { rules: [{ match, skip: true }], base })
            const names = kept(match, a, b, base)
            return names.map(each => (base === 0 ? ofA : ofB).findIndex(own => own === each))
          } catch {
            return []
          }
        })
        expect(met[0]).toEqual(met[1])
      }),
      { numRuns: 60 },
    )
  })
})

describe('groups of a search', () => {
  const [numbers, stems, blocks] = [
    namedChain([{ weight: '617' }, { weight: '618' }], 1),
    namedChain([{ weight: 'stem.w' }, { weight: 'head.w' }], 3),
    namedChain([{ weight: 'blocks.0.w' }, { weight: 'blocks.1.w' }], 7),
  ]
  const models = [numbers, stems, blocks].map((bytes, index) => ({ bytes, weight: 1, label: `model ${index}` }))

  test.each([[[0, 1]], [[1, 2]], [[0, 1, 2]], [[1]]])('are those of the merge of the same models (%j)', members => {
    const match = 'stem.*'
    const base = members[0] ?? 0
    const indexed = models.map(({ bytes, label }, index) => {
      const source = memorySource(bytes)
      return { source, data: new Map(), layout: readLayout(source), label, sha256: String(index), weight: 1 }
    })
    const settings = { ...defaultSettings, rules: [{ match, weights: [1, 1, 1] }] }
    const rules = [{ match, weights: members.map(member => member + 1) }]
    const soup = { members, weights: members.map(() => 1), rules }
    const { plan } = checkedPlan(mergeInputs(indexed, indexed[base]), settings)
    const source = planSource(prepare(candidatePlan(plan, soup, settings), indexed).plan, indexed)
    const merged = soupInMemory(
      members.flatMap(member => models[member] ?? []),
      { rules },
    )
    expect(Buffer.from(readBytes(source, 0, source.byteLength)).equals(merged)).toBe(true)
  })

  test('are refused where a soup of some of the models would have no such group', () => {
    const { errors } = refusalOf(() => checkSearch(models, ['stem.*'], null), 'TUREEN_RULE_UNMATCHED')
    expect(errors).toMatchObject([{ model: 'model 0', field: 'rules.0.match' }])
    expect(() => checkSearch(models, ['stem.*'], 1)).not.toThrow()
    expect(refusalOf(() => checkSearch(models, ['stem.*'], 0), 'TUREEN_RULE_UNMATCHED').errors[0]?.model).toBe(
      'model 0',
    )
    expect(() => checkSearch(models, ['*'], null)).not.toThrow()
  })
})

test('a tensor that a thousand nodes read has 256 names', () => {
  const change: Change = ({ graph }) => {
    graph.node = Array.from({ length: 1000 }, (_, index) => ({
      name: `n${index}`,
      opType: 'MatMul',
      input: [index === 0 ? 'x' : `v${index}`, 'w'],
      output: [index === 999 ? 'y' : `v${index + 1}`],
    }))
  }
  const models = [1, 3].map(value => ({ bytes: namedChain([{ weight: 'w' }], value, change), weight: 1 }))
  expect(() => planInMemory(models, { rules: [{ match: 'n200', skip: true }] })).not.toThrow()
  refusalOf(() => planInMemory(models, { rules: [{ match: 'n400', skip: true }] }), 'TUREEN_RULE_UNMATCHED')
})

describeShared('the shared case of matrices without names', () => {
  const [a, b] = ['a', 'b'].map(name => readFileSync(join(sharedDirectory, 'cases/rules-anonymous', `${name}.onnx`)))

  test('a rule over the layers keeps the twelve matrices of the layers as well', () => {
    if (!a || !b) throw new Error('the case is not there')
    const names = kept('layers.*', a, b)
    expect(names.filter(name => name.startsWith('layers.'))).toHaveLength(20)
    expect(names.filter(name => name.startsWith('onnx::MatMul_'))).toHaveLength(12)
    expect(names).not.toContain('onnx::MatMul_289')
    const models = [a, b].map(bytes => ({ bytes, weight: 1 }))
    const { rules, warnings } = soupOfFiles(models, { rules: [{ match: 'layers.*', skip: true }] }).report
    expect(rules).toMatchObject([{ match: 'layers.*', tensors: 32 }])
    expect(warnings.join()).not.toContain('exporter')
  })
})
