import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import onnxProto from 'onnx-proto'
import { describe, expect, test } from 'vitest'
import { initializerBytes, withoutPayloads } from '../support/onnx-oracle.ts'
import { projectRoot } from '../support/server.ts'
import { type SoupInput, soupOfFiles } from '../support/soup.ts'

type Recipe = { files: string[]; weights: number[]; normalize: boolean; tensors: Record<string, string> }

const directory = join(projectRoot, 'test/fixtures/numerics')
const recipes: Recipe[] = JSON.parse(readFileSync(join(directory, 'models.json'), 'utf8'))

function inputsOf({ files, weights }: Pick<Recipe, 'files' | 'weights'>): SoupInput[] {
  return files.map((file, index) => ({
    label: file,
    bytes: readFileSync(join(directory, file)),
    weight: weights[index] ?? Number.NaN,
  }))
}

function digestsOf(model: Uint8Array): Record<string, string> {
  const names = onnxProto.onnx.ModelProto.decode(model).graph?.initializer?.map(({ name }) => name ?? '') ?? []
  return Object.fromEntries(
    names.map(name => [name, createHash('sha256').update(initializerBytes(model, name)).digest('hex')]),
  )
}

describe("NumPy's soups of whole models, tensor by tensor", () => {
  const titled = recipes.map(recipe => ({
    title: `${recipe.weights.join(' : ')}${recipe.normalize ? '' : ', not normalized,'} of ${recipe.files.join(', ')}`,
    recipe,
  }))

  test.each(titled)('$title', ({ recipe }) => {
    const { content, bytes, sha256 } = soupOfFiles(inputsOf(recipe), { normalize: recipe.normalize })
    expect(digestsOf(content)).toEqual(recipe.tensors)
    expect(bytes).toBe(content.byteLength)
    expect(sha256).toBe(`sha256:${createHash('sha256').update(content).digest('hex')}`)
  })

  test('all of them were there', () => expect(recipes).toHaveLength(56))

  test.each(titled)('$title: the same with provenance, and nothing but weights is changed', ({ recipe }) => {
    const { content } = soupOfFiles(inputsOf(recipe), { normalize: recipe.normalize, provenance: true })
    expect(digestsOf(content)).toEqual(recipe.tensors)
    expect(withoutPayloads(content)).toEqual(withoutPayloads(readFileSync(join(directory, recipe.files[0] ?? ''))))
  })
})

describe('a soup does not depend on how its inputs are stored', () => {
  test.each(['float64', 'float32', 'float16', 'bfloat16'])('%s, raw or typed', dtype => {
    const soups = ['raw', 'typed'].flatMap(first =>
      ['raw', 'typed'].map(second =>
        digestsOf(
          soupOfFiles(
            inputsOf({ files: [`${dtype}-${first}-a.onnx`, `${dtype}-${second}-b.onnx`], weights: [0.3, 0.9] }),
          ).content,
        ),
      ),
    )
    for (const soup of soups) expect(soup).toEqual(soups[0])
  })
})

describe('a soup of a model with itself is that model, byte for byte', () => {
  const examples = join(projectRoot, 'examples/digits')
  const files = [directory, examples].flatMap(folder =>
    readdirSync(folder)
      .filter(file => file.endsWith('.onnx'))
      .map(file => join(folder, file)),
  )

  test.each(files.map(path => [path.slice(projectRoot.length + 1), path]))('%s', (_, path) => {
    const bytes = readFileSync(path)
    const twice = [
      { bytes, weight: 2, sha256: 'sha256:first' },
      { bytes, weight: 3, sha256: 'sha256:second' },
    ]
    expect(soupOfFiles(twice).content.equals(bytes)).toBe(true)
    const { content, report } = soupOfFiles([{ bytes, weight: 0.1 }])
    expect(content.equals(bytes)).toBe(true)
    expect(report.tensors.averaged).toBe(0)
  })

  test('all of them were there', () => expect(files.length).toBeGreaterThanOrEqual(28 + 9))
})
