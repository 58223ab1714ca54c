import { describe, expect, test } from 'vitest'
import { type ChainLink, namedChain } from '../support/named-chain.ts'
import { soupOfFiles } from '../support/soup.ts'

type Change = Parameters<typeof namedChain>[2]

describe('the report of a merge', () => {
  const report = (matches: string[], links: ChainLink[], change?: Change) => {
    const inputs = [1, 3].map(value => ({ bytes: namedChain(links, value, change), weight: 1 }))
    return soupOfFiles(inputs, { rules: matches.map(match => ({ match, weights: [1, 2] })) }).report
  }

  test('says what each rule met, and what an earlier one holds for', () => {
    const links = [
      { weight: 'a.w', bias: 'a.b' },
      { weight: 'b.w', bias: 'b.b' },
    ]
    expect(report(['a.*', '*.w', '*'], links).rules).toEqual([
      { match: 'a.*', tensors: 2, elements: 6, overruled: 0 },
      { match: '*.w', tensors: 1, elements: 4, overruled: 1 },
      { match: '*', tensors: 1, elements: 2, overruled: 3 },
    ])
    expect(report([], links)).not.toHaveProperty('rules')
  })

  test('warns of a tensor that two places share if a rule matches one of them only', () => {
    const change: Change = ({ graph }) => {
      const last = graph.node.at(-1)
      if (last?.input) last.input[1] = 'emb.weight'
    }
    const links = [
      { weight: 'emb.weight', node: '/emb/MatMul' },
      { weight: 'unread', node: '/head/MatMul' },
    ]
    const [byHead] = report(['head*'], links, change).warnings
    expect(byHead).toBe(
      'The rule "head*" matches 1 shared tensor under some names only: emb.weight (not as emb.weight). The rule applies to the whole tensor.',
    )
    expect(report(['emb*'], links, change).warnings.join()).toContain('emb.weight (not as /head/MatMul)')
    expect(report(['*'], links, change).warnings).toEqual([])
    expect(report(['*weight'], links, change).warnings.join()).toContain('not as /head/MatMul')
  })

  test('does not warn of a module that is called twice', () => {
    const change: Change = ({ graph }) => {
      const last = graph.node.at(-1)
      if (last?.input) last.input[1] = 'tower.enc.weight'
    }
    const links = [
      { weight: 'tower.enc.weight', node: '/enc/MatMul' },
      { weight: 'unread', node: '/enc_1/MatMul' },
    ]
    expect(report(['tower.*'], links, change).warnings).toEqual([])
  })

  test.each(['onnx::MatMul_12', '617', 'val_3', '_val_3', 'const_fold_opt__23', '/Constant_4_output_0', 'Const_6'])(
    'warns that no rule matches %s, while tensors around it are matched',
    weight => {
      const links = [{ weight: 'layers.0.w' }, { weight }, { weight: 'layers.1.w' }, { weight: 'head.w' }]
      const { warnings } = report(['layers.*'], links)
      expect(warnings).toEqual([
        `No rule matches 1 tensor whose name an exporter made up, although "layers.*" matches the tensors around: ${weight}. GET /v1/models/{id}/tensors lists the names that a glob can match.`,
      ])
      expect(report(['head.*'], links).warnings).toEqual([])
      expect(report(['layers.*', weight], links).warnings).toEqual([])
    },
  )

  test('warns so of what the nodes of a matched tensor’s scope read', () => {
    const links = [
      { weight: 'a.w', node: '/block/MatMul' },
      { weight: 'other.w', node: '/x/MatMul' },
      { weight: 'onnx::MatMul_9', node: '/block/MatMul_1' },
      { weight: 'last.w', node: '/y/MatMul' },
    ]
    expect(report(['a.*'], links).warnings.join()).toContain('onnx::MatMul_9')
    expect(report(['a.*', 'block.*'], links).warnings).toEqual([])
  })

  test('does not warn of tensors whose nodes say what they are, where rules go by nodes', () => {
    const links = [0, 1, 2].map(index => ({ weight: `Const_${index}`, node: `/layers/${index}/MatMul` }))
    expect(report(['layers.1.*'], links).warnings).toEqual([])
    expect(report(['layers.0.*', 'layers.2.*'], links).warnings).toEqual([])
    const silent = links.map(({ weight, node }, index) => (index === 1 ? { weight } : { weight, node }))
    expect(report(['layers.*'], silent).warnings.join()).toContain('Const_1')
    expect(report(['layers.0.*'], silent).warnings).toEqual([])
  })

  test('counts tensors that are the same in every model, and that a rule skips', () => {
    const links = [{ weight: 'a.w' }, { weight: 'b.w' }]
    const inputs = [1, 1].map((value, index) => ({
      bytes: namedChain(links, value),
      weight: 1,
      sha256: `sha256:${index}`,
    }))
    const { rules } = soupOfFiles(inputs, { rules: [{ match: 'a.*', skip: true }] }).report
    expect(rules).toEqual([{ match: 'a.*', tensors: 1, elements: 4, overruled: 0 }])
  })
})
