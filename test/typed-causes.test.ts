import { readdir } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { causelessCodes, type ErrorCode, errorCatalogue } from '../src/error-catalogue.ts'
import { asTureenError, TureenError } from '../src/errors.ts'
import { datasetLimits } from '../src/evaluate/datasets/dataset-limits.ts'
import { kindOf } from '../src/evaluate/datasets/file-kinds.ts'
import { unavailable } from '../src/evaluate/evaluator-failures.ts'
import { unreadableRecord } from '../src/storage/unreadable.ts'
import { outOfMemory } from '../src/threads/run-task.ts'
import { expectTypedCauses } from './support/http-client.ts'
import { projectFile, projectRoot } from './support/server.ts'

const systemError = (code: string) => asTureenError(Object.assign(new Error('failed'), { code }))
const tooManyFiles = Array.from({ length: datasetLimits.files + 1 }, () => ({ name: 'a.npz', path: 'a.npz' }))

test.each<[ErrorCode, () => unknown]>([
  ['TUREEN_DATASET_MALFORMED', () => kindOf([])],
  ['TUREEN_DATASET_UNSUPPORTED', () => kindOf(tooManyFiles)],
  ['TUREEN_EVALUATOR_UNAVAILABLE', () => unavailable('was not ready in time')],
  ['TUREEN_OUT_OF_MEMORY', () => outOfMemory(2 ** 30)],
  ['TUREEN_RECORD_UNREADABLE', () => unreadableRecord({ dataset: 'id' }, 'its files are not JSON')],
  ['TUREEN_STORE_FAILED', () => systemError('EIO')],
  ['TUREEN_STORE_FULL', () => systemError('EDQUOT')],
  ['TUREEN_TOO_MANY_FILES', () => systemError('EMFILE')],
])('%s has a cause that names its place', async (code, make) => {
  const error = await Promise.try(make).catch((thrown: unknown) => thrown)
  if (!(error instanceof TureenError)) throw new Error(`${error} is no error of the catalogue`)
  expect(error.code).toBe(code)
  expectTypedCauses(error)
})

/** A call of a helper that reads a refusal and expects typed causes of it. */
const readings = /\b(?:readProblem|refused|refusalOf|expect\w*Problem)\([^;]*?'(TUREEN_\w+)'/g

test('every code of the catalogue has a test that expects typed causes of it, but for those without causes', async () => {
  const names = await readdir(`${projectRoot}/test`, { recursive: true })
  const tested = new Set<string>(causelessCodes)
  for (const name of names.filter(name => name.endsWith('.test.ts'))) {
    const text = String(await projectFile(`test/${name}`))
    const found = text.includes('expectTypedCauses(') ? text.matchAll(/'(TUREEN_\w+)'/g) : text.matchAll(readings)
    for (const [, code = ''] of found) tested.add(code)
  }
  expect(Object.keys(errorCatalogue).filter(code => !tested.has(code))).toEqual([])
})
