import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { z } from 'zod'
import { readMergekitText, withModels } from '../../cli/mergekit-file.ts'
import { readYaml } from '../../src/merge/recipe-yaml.ts'
import { projectFile } from '../support/server.ts'

const fixture = z.object({ cases: z.array(z.object({ document: z.string() })) })

const named = (text: string) => readMergekitText(text).references.map(({ name }) => name)
const renamed = (text: string) => withModels(readMergekitText(text), name => `id of ${name}`)

test('models are found under models, in slices, and as the base, also behind anchors', () => {
  const text = `merge_method: slerp   # two models
base_model: &base "sub/base.onnx"
slices:
  - sources: [{model: *base, layer_range: [0, 4]}, {model: 'b c.onnx', layer_range: [0, 4]}]
    base_model: plain
parameters: {t: 0.5}
`
  expect(named(text).sort()).toEqual(['b c.onnx', 'plain', 'sub/base.onnx', 'sub/base.onnx'])
  expect(parse(renamed(text))).toEqual({
    merge_method: 'slerp',
    base_model: 'id of sub/base.onnx',
    slices: [
      {
        sources: [
          { model: 'id of sub/base.onnx', layer_range: [0, 4] },
          { model: 'id of b c.onnx', layer_range: [0, 4] },
        ],
        base_model: 'id of plain',
      },
    ],
    parameters: { t: 0.5 },
  })
})

test('everything else stays as it is written: numbers, truth values and comments', () => {
  const text = `models:
- model: a   # the first
  parameters: {weight: 010, note: &x yes}
- {model: b, parameters: {weight: 1_0, other: *x}}
merge_method: linear
`
  expect(renamed(text)).toBe(text.replace('model: a ', 'model: "id of a" ').replace('{model: b,', '{model: "id of b",'))
})

test('a configuration in JSON, and one without models', () => {
  const json = '{"merge_method": "linear", "models": [{"model": "a\\"b.onnx"}]}'
  expect(JSON.parse(renamed(json))).toEqual({ merge_method: 'linear', models: [{ model: 'id of a"b.onnx' }] })
  expect(renamed('merge_method: linear\nmodels: 7\n')).toBe('merge_method: linear\nmodels: 7\n')
})

test('the server reads the same from every configuration of the fixtures, but for the names', async () => {
  const { cases } = fixture.parse(JSON.parse(String(await projectFile('test/fixtures/mergekit/cases.json'))))
  expect(cases.length).toBeGreaterThan(10)
  for (const { document } of cases) {
    expect(named(document).length).toBeGreaterThan(0)
    const back = withModels(readMergekitText(renamed(document)), name => name.replace('id of ', ''))
    expect(readYaml(back)).toEqual(readYaml(document))
  }
})
