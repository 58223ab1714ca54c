import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ProblemDocument } from '../../schemas/problem.ts'
import { TureenError } from '../../src/errors.ts'
import { defaultSettings } from '../../src/merge/merge-input.ts'
import { mergeInputs } from '../../src/merge/merge-inputs.ts'
import { inspectFiles } from '../../src/threads/inspect-task.ts'
import { startMerge } from '../../src/threads/merge-task.ts'
import { workControl } from '../../src/threads/work-control.ts'
import { outcomeOf } from '../support/catalogue.ts'
import { externalModel, modelForm as formInFiles, type ModelInFiles } from '../support/external-model.ts'
import * as hostileModels from '../support/hostile-models.ts'
import { expectNothingKept, json, modelForm } from '../support/http-client.ts'
import { malformedModels } from '../support/malformed-models.ts'
import { mutations } from '../support/mutations.ts'
import { linearModel } from '../support/onnx-model.ts'
import { runSeed, seededRandom } from '../support/random.ts'
import { richModel } from '../support/rich-model.ts'
import { projectFile, startApp } from '../support/server.ts'
import { digest } from '../support/soup.ts'
import { bytesField, modelBytes, onnxField, tensorBytes } from '../support/wire-bytes.ts'

let app: Awaited<ReturnType<typeof startApp>>
let directory: string
beforeAll(async () => {
  app = await startApp()
  directory = mkdtempSync(join(tmpdir(), 'tureen-agree-'))
})
afterAll(async () => {
  rmSync(directory, { recursive: true, force: true })
  await app.close()
})

/** How a request ended: its status, and its code if it was refused. */
async function endingOf(response: Response): Promise<string> {
  if (response.ok) {
    await response.arrayBuffer()
    return 'accepted'
  }
  const { status, code } = await json<ProblemDocument>(response)
  return `${status} ${code}`
}

const hostile: Record<string, Uint8Array> = {
  'functions that double 64 times': hostileModels.doublingFunctions(64),
  'a Loop without an end': hostileModels.endlessLoop(),
  'a Loop that grows': hostileModels.growingLoop(),
  'a tensor of 16 GiB': hostileModels.sixteenGibibytes(),
  'constants that take seconds to fold': hostileModels.constantFolding(3),
  'nested functions': hostileModels.nestedFunctions(3),
  'an operator that nobody has': hostileModels.customOperator(),
}

describe('a model is refused by an upload and by a soup with itself alike, or by neither', () => {
  test.each([...Object.entries(malformedModels), ...Object.entries(hostile)])('%s', async (what, bytes) => {
    const body = Uint8Array.from(bytes)
    const upload = await fetch(`${app.url}/v1/models`, { method: 'POST', body })
    const location = upload.headers.get('location')
    const uploaded = await endingOf(upload)
    const soup = await endingOf(await fetch(`${app.url}/v1/soup`, { method: 'POST', body: modelForm([body, body]) }))
    const alone = await endingOf(await fetch(`${app.url}/v1/soup`, { method: 'POST', body: modelForm([body]) }))
    expect({ soup, alone }).toEqual({ soup: uploaded, alone: uploaded })
    if (what in malformedModels) expect(uploaded).toBe('400 TUREEN_MODEL_MALFORMED')
    if (location) await fetch(`${app.url}${location}`, { method: 'DELETE' })
    await expectNothingKept(app)
  })

  test('a base that is not averaged, and what says how much elements count, are checked as well', async () => {
    const sound = linearModel([1, 2, 3, 4], [5, 6])
    const malformed = new Blob([Uint8Array.from(malformedModels['a function calls itself'] ?? [])])
    for (const field of ['base', 'fisher']) {
      const form = modelForm([sound], { method: field === 'base' ? 'task_arithmetic' : 'fisher' })
      form.append(field, malformed, 'malformed.onnx')
      expect(await endingOf(await fetch(`${app.url}/v1/soup`, { method: 'POST', body: form }))).toBe(
        '400 TUREEN_MODEL_MALFORMED',
      )
    }
  })

  const short = (model: ModelInFiles) => ({ ...model, data: { ...model.data, 'b.bin': new Uint8Array(7) } })
  const foreign = (model: ModelInFiles) => ({ ...model, data: { ...model.data, 'c.bin': new Uint8Array(8) } })
  test.each([
    ['a data file that is too short', short, '400 TUREEN_MODEL_MALFORMED'],
    ['a data file that the model does not name', foreign, '404 TUREEN_NOT_FOUND'],
  ])('%s', async (_, change, ending) => {
    const model = change(externalModel([1, 2, 3, 4], [5, 6]))
    const upload = await fetch(`${app.url}/v1/models`, { method: 'POST', body: formInFiles(model) })
    const body = formInFiles(model, formInFiles(model))
    const soup = await fetch(`${app.url}/v1/soup`, { method: 'POST', body })
    expect({ upload: await endingOf(upload), soup: await endingOf(soup) }).toEqual({ upload: ending, soup: ending })
    await expectNothingKept(app)
  })
})

const mutatedFiles = 400

test(`${mutatedFiles} damaged files (seed ${runSeed}) end alike in both`, async () => {
  const { tensor } = onnxField
  const models = [
    Buffer.from(richModel()),
    Buffer.from(linearModel([1, 2, 3, 4], [5, 6])),
    await projectFile('test/fixtures/numerics/float16-typed-a.onnx'),
    modelBytes([tensorBytes('S', 8, [2], bytesField(tensor.stringData, 'a'), bytesField(tensor.stringData, ''))]),
    ...Object.values(malformedModels).map(bytes => Buffer.from(bytes)),
  ]
  const random = seededRandom(runSeed)
  const ends = new Map<string, number>()
  for (let index = 0; index < mutatedFiles; index += 1) {
    const name = random.pick(Object.keys(mutations))
    const bytes = mutations[name]?.(random.pick(models), random) ?? Buffer.alloc(0)
    const path = join(directory, 'damaged.onnx')
    writeFileSync(path, bytes)
    const input = { label: 'model', path, data: [], sha256: digest(bytes), weight: 1, isUnchecked: true }
    const codeOf = (run: () => unknown) => {
      const outcome = outcomeOf(run)
      return outcome instanceof TureenError ? outcome.code : 'accepted'
    }
    const upload = codeOf(() => inspectFiles({ path, data: [] }))
    const output = join(directory, 'soup.onnx')
    const soup = codeOf(() => startMerge(mergeInputs([input, input]), defaultSettings, output, false, workControl()))
    rmSync(output, { force: true })
    // A soup needs the data files at once; an upload waits for them.
    if (upload === 'accepted' && soup === 'TUREEN_MODEL_INCOMPLETE') continue
    expect(soup, `${name}: ${bytes.toString('base64')}`).toBe(upload)
    ends.set(upload, (ends.get(upload) ?? 0) + 1)
  }
  expect(ends.get('accepted')).toBeGreaterThan(mutatedFiles / 60)
  expect(ends.get('TUREEN_MODEL_MALFORMED')).toBeGreaterThan(mutatedFiles / 10)
})
