import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { ComparisonResult } from '../../schemas/comparison.ts'
import { comparisonJob } from '../../schemas/job.ts'
import { initializerDigests, merge, mergedContent, postJson, postSoup, uploadModel } from '../support/http-client.ts'
import { initializerBytes } from '../support/onnx-oracle.ts'
import { startApp } from '../support/server.ts'
import { describeShared, sharedDirectory } from '../support/shared.ts'

type Bytes = Uint8Array<ArrayBuffer>

const readCase = (file: string): Bytes => Uint8Array.from(readFileSync(join(sharedDirectory, 'cases', file)))
const floats = (model: Bytes, name: string) => [
  ...new Float32Array(Uint8Array.from(initializerBytes(model, name)).buffer),
]
const meanOf = (name: string, ...models: Bytes[]) => {
  const all = models.map(model => floats(model, name))
  return all[0]?.map((_, at) => Math.fround(all.reduce((sum, each) => sum + (each[at] ?? Number.NaN), 0) / all.length))
}

/** What a merge, a one-shot soup and a comparison say of the same models. */
type Outcome = {
  merged: Bytes | null
  soup: Bytes | null
  problems: string[][]
  warnings: string[]
  comparison: ComparisonResult
}

let app: Awaited<ReturnType<typeof startApp>>
beforeAll(async () => {
  app = await startApp()
})
afterAll(() => app?.close())

async function outcomeOf(files: readonly string[], settings: Record<string, unknown> = {}): Promise<Outcome> {
  const contents = files.map(readCase)
  const models: { id: string }[] = []
  for (const bytes of contents) models.push({ id: (await uploadModel(app.url, bytes)).id })
  const request = { models, provenance: false, ...settings }
  const started = await postJson(`${app.url}/v1/merges?wait=45`, request)
  const said = (problem: { detail: string; errors?: { message: string }[] }) => [
    problem.detail,
    ...(problem.errors ?? []).map(error => JSON.stringify(error)),
  ]
  const problems: string[][] = []
  let merged: Bytes | null = null
  let warnings: string[] = []
  if (started.status === 200) {
    const job = await merge(app.url, request)
    merged = job.result ? await mergedContent(app.url, job) : null
    warnings = job.result?.report.warnings ?? []
    if (!merged) problems.push(said(JSON.parse(JSON.stringify(job.error))))
  } else problems.push(said(JSON.parse(await started.text())))
  const oneShot = await postSoup(app.url, contents, { provenance: false, ...settings })
  const soup = oneShot.status === 200 ? new Uint8Array(await oneShot.arrayBuffer()) : null
  if (!soup) problems.push(said(JSON.parse(await oneShot.text())))
  const compared = await postJson(`${app.url}/v1/comparisons?wait=45`, { models })
  const { result } = comparisonJob.parse(await compared.json())
  if (!result) throw new Error('a comparison without a result')
  return { merged, soup, problems, warnings, comparison: result }
}

/** Models that a merge and a one-shot soup take; the soup, the same from both. */
async function accepted(files: readonly string[], settings?: Record<string, unknown>) {
  const { merged, soup, problems, warnings, comparison } = await outcomeOf(files, settings)
  expect(problems).toEqual([])
  if (!merged || !soup) throw new Error('no soup')
  expect(Buffer.compare(merged, soup)).toBe(0)
  return { soup, warnings, comparison }
}

/** Models that merges and soups refuse with the same words, and a comparison calls incompatible for the same reason. */
async function refused(files: readonly string[], ...words: RegExp[]): Promise<void> {
  const { merged, soup, problems, comparison } = await outcomeOf(files)
  expect([merged, soup]).toEqual([null, null])
  expect(problems).toHaveLength(2)
  const [pair] = comparison.pairs
  expect(pair?.compatible).toBe(false)
  for (const said of [...problems, pair?.reasons.map(reason => JSON.stringify(reason)) ?? []])
    for (const each of words) expect(said.join('\n')).toMatch(each)
}

/** The same files in both orders. */
const bothWays = (a: string, b: string): [string, string][] => [
  [a, b],
  [b, a],
]

describeShared(
  'small models that went wrong behave as they should, in merges, one-shot soups and comparisons alike',
  () => {
    test('outputs in another order are paired by name', async () => {
      const { soup } = await accepted(['io-order/a.onnx', 'io-order/b.onnx'])
      const reordered = await accepted(['io-order/a.onnx', 'io-order/b-outputs-reordered.onnx'])
      expect(Buffer.compare(soup, reordered.soup)).toBe(0)
      expect(reordered.comparison.pairs[0]?.compatible).toBe(true)
    })

    test('inputs in another order are paired by name', async () => {
      const files = ['io-order/towers/a.onnx', 'io-order/towers/b-inputs-reordered.onnx']
      for (const [base, other] of bothWays(files[0] ?? '', files[1] ?? '')) {
        const { soup } = await accepted([base, other])
        for (const name of ['query_tower.weight', 'doc_tower.weight'])
          expect(floats(soup, name)).toEqual(meanOf(name, readCase(base), readCase(other)))
      }
    })

    test('constants that are put out must agree, whatever the order of the models', async () => {
      for (const files of bothWays('constant-output/direct-128.onnx', 'constant-output/identity-0.onnx')) {
        await refused(files, /\b128\b/, /\b0\b/)
        await accepted(files, { nonFloat: 'base' })
      }
      await accepted(['constant-output/direct-128.onnx', 'constant-output/identity-128.onnx'])
    })

    test('operands of an Add in another order are paired by the names of their tensors', async () => {
      const files = ['add-swapped/a.onnx', 'add-swapped/b-add-swapped.onnx']
      const { soup } = await accepted(files)
      for (const name of ['branch_a.weight', 'branch_b.weight'])
        expect(floats(soup, name)).toEqual(meanOf(name, ...files.map(readCase)))
    })

    test('a rule reaches matrices that the exporter gave numbers', async () => {
      const files = ['rules-anonymous/a.onnx', 'rules-anonymous/b.onnx']
      const { soup } = await accepted(files, { rules: [{ match: 'layers.*', skip: true }] })
      const a = readCase(files[0] ?? '')
      // Of thirteen matrices the one of 50 columns is the head's, which has no bias of its own below "layers".
      const inLayers = Object.keys(initializerDigests(a)).filter(
        name => /^layers\.|^onnx::MatMul/.test(name) && floats(a, name).length !== 16 * 50,
      )
      expect(inLayers.filter(name => name.startsWith('onnx::MatMul'))).toHaveLength(12)
      for (const name of inLayers) expect(floats(soup, name)).toEqual(floats(a, name))
    })

    test.each([
      ['dynamic-quant', 'dyn-a.onnx', 'dyn-b.onnx', []],
      ['arith-slot', 'x2.onnx', 'x4.onnx', [/\b2\b/, /\b4\b/]],
      ['nms-threshold', 'conf0001.onnx', 'conf025.onnx', [/0\.001/, /0\.25/]],
      ['baked-batch', 'batch1.onnx', 'batch2.onnx', [/\b1\b/, /\b2\b/]],
    ])("%s: values that are never averaged are refused, both shown, or the base's", async (folder, a, b, words) => {
      for (const files of bothWays(`${folder}/${a}`, `${folder}/${b}`)) {
        await refused(files, ...words)
        await accepted(files, { nonFloat: 'base' })
      }
    })

    test('a model with NaN is named', async () => {
      const files = ['nan-client/ok.onnx', 'nan-client/nan.onnx']
      const { warnings } = await accepted(files)
      expect(warnings.join('\n')).toMatch(/NaN/)
      const { merged, soup } = await outcomeOf(files, { onNonFinite: 'fail' })
      expect([merged, soup]).toEqual([null, null])
    })

    test('coefficients of linear models are averaged', async () => {
      const { comparison } = await accepted(['sklearn-linear/lr-a.onnx', 'sklearn-linear/lr-b.onnx'])
      expect(comparison.pairs[0]?.tensors.filter(({ averaged }) => averaged).length).toBeGreaterThanOrEqual(2)
    })

    test("a backbone is averaged under the base's own head", async () => {
      for (const files of bothWays('other-head/nc3.onnx', 'other-head/nc4.onnx')) {
        await refused(files, /cv3\.weight/)
        const { soup, warnings } = await accepted(files, { rules: [{ match: 'cv3.*', skip: true }] })
        const [base, other] = files.map(readCase)
        if (!base || !other) throw new Error('two models')
        for (const name of ['cv3.weight', 'cv3.bias']) expect(floats(soup, name)).toEqual(floats(base, name))
        for (const name of ['onnx::Conv_122', 'onnx::Conv_129', 'cv2.weight', 'dfl.weight'])
          expect(floats(soup, name)).toEqual(meanOf(name, base, other))
        expect(warnings.join('\n')).toMatch(/cv3/)
      }
    })

    test.each([
      ['bn-momentum/bn-momentum-0.9.onnx', 'bn-momentum/bn-momentum-0.97.onnx'],
      ['roi/roi-empty.onnx', 'roi/roi-omitted.onnx'],
    ])('%s and %s are one network', async (a, b) => {
      for (const files of bothWays(a, b)) {
        const { comparison } = await accepted(files)
        expect(comparison.pairs[0]?.compatible).toBe(true)
      }
    })

    test('tensors that each shares where the other has different ones are refused, with a remedy', async () => {
      for (const files of bothWays('partly-shared/part-a.onnx', 'partly-shared/part-b.onnx'))
        await refused(files, /export both without shared tensors/)
    })

    test('a file with folded constants, and one of another opset, are refused with a hint that is true', async () => {
      for (const files of bothWays('rules-anonymous/a.onnx', 'folded/folded.onnx')) await refused(files, /fold/)
      for (const files of bothWays('rules-anonymous/a.onnx', 'opset/opset17.onnx'))
        await refused(files, /\b13\b.*\b17\b|\b17\b.*\b13\b/)
    })

    test('weights that are inputs of the graph are not averaged, which is said', async () => {
      const file = 'weights-as-inputs/weights-as-inputs.onnx'
      const { warnings } = await accepted([file, file])
      expect(warnings.join('\n')).toMatch(/[Nn]othing was averaged/)
    })
  },
)
