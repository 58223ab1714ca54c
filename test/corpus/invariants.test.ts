import { execFile } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { memorySource } from '../../src/onnx/byte-source.ts'
import { customOperator } from '../support/hostile-models.ts'
import { linearModel } from '../support/onnx-model.ts'
import { projectRoot } from '../support/server.ts'
import { bytesField, modelBytes, onnxField, tensorBytes, varintField } from '../support/wire-bytes.ts'
import { perturbed } from './perturb.ts'
import { averagedTensors, contentOf, type ModelFiles } from './product.ts'
import { firstDifference, otherDifference } from './weights-only.ts'

type Run = {
  code: number
  lines: string[]
  summary: Record<string, unknown>
  files: Record<string, { outcome: string; opens: boolean | null }>
}

let workspace = ''
beforeAll(() => {
  workspace = mkdtempSync(join(tmpdir(), 'tureen-corpus-test-'))
})
afterAll(() => rmSync(workspace, { recursive: true, force: true }))

/** npm run corpus over a directory below the workspace. */
function run(directory: string, ...flags: string[]): Promise<Run> {
  const json = join(workspace, 'report.json')
  const main = join(projectRoot, 'test/corpus/main.ts')
  return new Promise(resolve => {
    const child = execFile(
      process.execPath,
      [main, directory, '--jobs', '2', '--json', json, ...flags],
      (_, stdout) => {
        const lines = stdout.trim().split('\n')
        const report: { files: { path: string; outcome: string; opens: boolean | null }[] } = JSON.parse(
          readFileSync(json, 'utf8'),
        )
        resolve({
          code: child.exitCode ?? -1,
          lines,
          summary: JSON.parse(lines.at(-1) ?? '{}'),
          files: Object.fromEntries(
            report.files.map(({ path, outcome, opens }) => [path.slice(directory.length + 1), { outcome, opens }]),
          ),
        })
      },
    )
  })
}

const { tensor } = onnxField

/** y = x W + b, where W lies in the file at `location`. */
function externalModel(location: string): Buffer {
  const linear = linearModel([1, 2, 3, 4], [5, 6], model => {
    for (const each of model.graph.initializer ?? []) {
      if (each.name !== 'W') continue
      delete each.rawData
      each.dataLocation = 1
      each.externalData = [{ key: 'location', value: location }]
    }
  })
  return Buffer.from(linear)
}

function inMemory(model: Uint8Array): ModelFiles {
  return { source: memorySource(model), data: new Map() }
}

test('each file of a directory is told as what it is', async () => {
  const directory = join(workspace, 'models')
  mkdirSync(join(directory, 'inner'), { recursive: true })
  const write = (name: string, bytes: string | Uint8Array) => writeFileSync(join(directory, name), bytes)
  const weights = Buffer.from(Float32Array.of(1, 2, 3, 4).buffer)
  write('linear.onnx', linearModel([1, 2, 3, 4], [5, 6]))
  write('custom.onnx', customOperator())
  write('inner/beside.onnx', externalModel('weights.bin'))
  write('inner/weights.bin', weights)
  write('outside.onnx', externalModel('../weights.bin'))
  writeFileSync(join(workspace, 'weights.bin'), weights)
  write('no-ending', linearModel([1, 2], [3]))
  write('page.onnx', '<html></html>')
  write('cut.onnx', linearModel([1, 2, 3, 4], [5, 6]).subarray(0, 80))
  write('notes.txt', 'nothing')
  cpSync(join(directory, 'linear.onnx'), join(workspace, 'elsewhere.onnx'))
  symlinkSync(join(workspace, 'elsewhere.onnx'), join(directory, 'link.onnx'))

  const { code, lines, summary, files } = await run(directory)
  expect(files).toEqual({
    'linear.onnx': { outcome: 'ok', opens: true },
    'custom.onnx': { outcome: 'ok', opens: false },
    'inner/beside.onnx': { outcome: 'ok', opens: true },
    'outside.onnx': { outcome: 'incomplete', opens: null },
    'no-ending': { outcome: 'ok', opens: true },
    'page.onnx': { outcome: 'refused', opens: false },
    'cut.onnx': { outcome: 'refused', opens: false },
  })
  expect(summary).toMatchObject({
    files: 7,
    failures: 0,
    skipped: 1,
    outcomes: { ok: 4, incomplete: 1, refused: 2 },
    refusedByCode: { TUREEN_MODEL_MALFORMED: 1, TUREEN_NOT_ONNX: 1 },
    onnxruntime: { opens: 3, doesNotOpen: 3, notAsked: 1 },
  })
  expect(lines.filter(line => line.startsWith('FAIL'))).toEqual([])
  expect(code).toBe(0)
})

test('a refusal of what onnxruntime opens is a failure', async () => {
  const directory = join(workspace, 'refused')
  mkdirSync(directory)
  // Longer than the limit of names, which onnxruntime does not have.
  const named = linearModel([1, 2, 3, 4], [5, 6], ({ graph }) => {
    Object.assign(graph.node?.[0] ?? {}, { name: 'n'.repeat(100_000) })
  })
  writeFileSync(join(directory, 'named.onnx'), named)
  const { code, lines, files } = await run(directory)
  expect(files).toEqual({ 'named.onnx': { outcome: 'failed', opens: true } })
  expect(lines[0]).toMatch(
    /^FAIL .*named\.onnx: index: onnxruntime opens it, but it is refused with TUREEN_MODEL_LIMIT/,
  )
  expect(code).toBe(1)
})

test('a perturbed copy has other weights, none of them NaN or infinite that was not, and nothing else', () => {
  const floats = [1, -0, 0, Infinity, NaN, 3.4e38]
  const halves = [0x3c00, 0x7c00, 0x7e01, 0xfbff]
  const model = inMemory(
    modelBytes([
      tensorBytes('f', 1, [6], bytesField(tensor.rawData, Buffer.from(Float32Array.from(floats).buffer))),
      tensorBytes('h', 10, [4], ...halves.map(half => varintField(tensor.int32Data, half))),
      tensorBytes('i', 7, [1], bytesField(tensor.rawData, Buffer.alloc(8, 1))),
    ]),
  )
  const averaged = averagedTensors(model)
  expect(averaged.map(({ name }) => name)).toEqual(['f', 'h'])
  const copy = perturbed(model, averaged)
  expect(copy.changed).toBe(4 + 2)
  expect(otherDifference(model, copy, averaged)).toBeUndefined()
  const { payload } = averaged[0] ?? {}
  const at = payload?.form === 'raw' ? payload.offset : 0
  const moved = new Float32Array(Uint8Array.from(contentOf(copy.source).subarray(at, at + 24)).buffer)
  expect([...moved].map(Number.isFinite)).toEqual(floats.map(Number.isFinite))
  expect(firstDifference(model, copy)).toBe(`the model differs at byte ${at} of ${model.source.byteLength}`)
})

test('a byte that is no weight and differs is found, in a model of raw values and in one of varints', () => {
  for (const type of [1, 10]) {
    const weights = type === 1 ? bytesField(tensor.rawData, Buffer.alloc(4, 1)) : varintField(tensor.int32Data, 5)
    const other = Buffer.from('doc')
    const bytes = (doc: Buffer) =>
      modelBytes([
        tensorBytes('w', type, [1], weights),
        tensorBytes('i', 6, [1], varintField(tensor.int32Data, doc[0] ?? 0)),
      ])
    const model = inMemory(bytes(other))
    const averaged = averagedTensors(model)
    expect(otherDifference(model, inMemory(bytes(other)), averaged)).toBeUndefined()
    expect(otherDifference(model, inMemory(bytes(Buffer.from('e'))), averaged)).toMatch(
      type === 1 ? /differs at byte/ : /initializer\[1\] differs/,
    )
  }
})
