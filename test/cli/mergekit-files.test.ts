import { readdir, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { readMergekitText, withModels } from '../../cli/mergekit-file.ts'
import { readYaml } from '../../src/merge/recipe-yaml.ts'

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

test('the server reads the same from configurations of the tests with other names', async () => {
  const folder = join(dirname(fileURLToPath(import.meta.url)), '../fixtures/mergekit')
  const files = (await readdir(folder)).filter(name => /\.ya?ml$/.test(name))
  for (const name of files) {
    const text = await readFile(join(folder, name), 'utf8')
    const same = withModels(readMergekitText(text), each => each)
    expect(readYaml(same), name).toEqual(readYaml(text))
  }
})
