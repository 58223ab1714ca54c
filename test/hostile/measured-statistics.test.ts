import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { TureenError } from '../../src/errors.ts'
import { rewriteFiles } from '../../src/threads/rewrite-task.ts'
import { workControl } from '../../src/threads/work-control.ts'
import { batchNormModel, initializersOf, randomLayers } from '../support/batch-norm-model.ts'
import { layoutOf } from '../support/inspecting.ts'
import { temporaryDirectory } from '../support/server.ts'
import { float32Bytes } from '../support/wire-bytes.ts'

const content = batchNormModel(randomLayers(1, 7))
const pathOf = (name: string) => layoutOf(content).tensors.find(tensor => tensor.name === name)?.path ?? ''

let directory: Awaited<ReturnType<typeof temporaryDirectory>>
let model: string
beforeAll(async () => {
  directory = await temporaryDirectory()
  model = join(directory.path, 'model')
  await writeFile(model, content)
})
afterAll(() => directory.remove())

const rewrite = (values: [name: string, values: number[]][], output: string) =>
  rewriteFiles(
    { path: model, data: [] },
    new Map(values.map(([name, elements]) => [pathOf(name), Uint8Array.from(float32Bytes(elements))])),
    output,
    workControl(),
  )
const mean: [string, number[]] = ['mean0', [1, 2, 3]]
const variance: [string, number[]] = ['variance0', [4, 5, 6]]

test('measured statistics replace those of the model', async () => {
  const output = join(directory.path, 'measured')
  rewrite([mean, variance], output)
  const written = initializersOf(await readFile(output))
  expect([written.mean0, written.variance0]).toEqual([mean[1], variance[1]])
})

test.each<[string, [string, number[]][]]>([
  ['fewer values than channels', [mean, ['variance0', [4, 5]]]],
  ['more values than channels', [mean, ['variance0', [4, 5, 6, 7]]]],
  ['a value that is not finite', [mean, ['variance0', [4, Number.NaN, 6]]]],
  ['no variance', [mean]],
  ['another tensor as well', [mean, variance, ['bias0', [0, 0, 0]]]],
  ['another tensor in its place', [mean, ['bias0', [0, 0, 0]]]],
  ['a tensor that is not there', [mean, variance, ['none', []]]],
  ['nothing', []],
])('an evaluator that measures %s changes no model', (_, values) => {
  const output = join(directory.path, 'refused')
  const attempt = () => rewrite(values, output)
  expect(attempt).toThrow(TureenError)
  expect(attempt).toThrow(expect.objectContaining({ code: 'TUREEN_EVALUATION_CRASHED' }))
  expect(existsSync(output)).toBe(false)
})
