import { chmod, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { clearJobDirectories, type JobDirectory, makeJobDirectory } from '../../../src/evaluate/job-directory.ts'
import type { EvaluationTask, Task } from '../../../src/evaluate/protocol.ts'
import { defaultSettings } from '../../../src/merge/merge-input.ts'
import { fileState } from '../../../src/storage/file-state.ts'
import { onlyOwnLinks } from '../../../src/storage/own-links.ts'
import { temporaryDirectory } from '../../support/server.ts'

let store: Awaited<ReturnType<typeof temporaryDirectory>>
let directory: JobDirectory
beforeEach(async () => {
  store = await temporaryDirectory()
  for (const name of ['base', 'base.data', 'soup', 'judge', 'plan', 'digits', 'sums', 'others'])
    await writeFile(join(store.path, name), name)
  await mkdir(join(store.path, 'evaluator'))
  directory = await makeJobDirectory(join(store.path, 'evaluator'))
})
afterEach(() => store.remove())

const path = (name: string) => join(store.path, name)
const dataset = (name: string) => ({ files: [{ name: `${name}.npz`, path: path(name) }] })
const binding = { inputs: [], target: null, output: 'y', references: [], batchSize: 1, fixed: false }
const common = () => ({ dataset: dataset('digits'), binding, limit: null, threads: 1, targets: 0 })
const evaluation = (model: EvaluationTask['model']): Task => ({
  type: 'evaluate',
  task: { ...common(), model, metrics: [] },
})
/** The files in `job/`: content by name. */
const files = async () => {
  const job = join(directory.path, 'job')
  const names = (await readdir(job)).sort()
  return Object.fromEntries(await Promise.all(names.map(async name => [name, await readFile(join(job, name), 'utf8')])))
}

test('a task names its files by their places in the directory, and nothing else of the store', async () => {
  const model = { path: path('base'), data: [{ location: 'weights', path: path('base.data') }] }
  const record = { label: 'model_of_the_store', sha256: 'sha256:00' }
  const judge = { kind: 'model' as const, name: 'judge', model: { path: path('judge'), data: [] } }
  const held = await directory.hold({
    type: 'score',
    task: {
      terms: [{ ...common(), metric: judge }],
      termOf: [0, 0],
      models: [model, { soup: { members: [0], weights: [1], rules: [] }, base: 0, recalibrated: true }],
      soups: {
        inputs: [{ ...model, ...record }],
        plans: new Map([[0, path('plan')]]),
        settings: defaultSettings,
        calibration: { dataset: dataset('sums'), binding, limit: 4 },
      },
      milliseconds: 1,
      readyBytes: 0,
      datasets: [dataset('others')],
    },
  })
  const said = inspect(held, { depth: null })
  expect(said).not.toContain(store.path)
  expect(said).not.toContain('sha256')
  expect(said).not.toContain(record.label)
  if (held.type !== 'score') throw new TypeError('a task of another type')
  const { task } = held
  const [own] = task.models
  const [term] = task.terms
  const seen = {
    model: own && 'path' in own ? [own.path, ...own.data.map(each => each.path)] : [],
    plan: [...task.soups.plans.values()],
    inputs: task.soups.inputs.flatMap(each => [each.path, ...each.data.map(file => file.path)]),
    metric: term?.metric.kind === 'model' ? [term.metric.model.path] : [],
    data: term?.dataset.files.map(file => file.path) ?? [],
    others: task.datasets.flatMap(each => each.files.map(file => file.path)),
    calibration: task.soups.calibration?.dataset.files.map(file => file.path) ?? [],
  }
  const inEvaluator = (places: string[]) =>
    Promise.all(places.map(place => readFile(join(directory.path, 'empty', place), 'utf8')))
  const read = Object.entries(seen).map(async ([name, places]) => [name, await inEvaluator(places)])
  expect(Object.fromEntries(await Promise.all(read))).toEqual({
    model: ['base', 'base.data'],
    plan: ['plan'],
    inputs: ['base', 'base.data'],
    metric: ['judge'],
    data: ['digits'],
    others: ['others'],
    calibration: ['sums'],
  })
  expect(term?.dataset.files[0]?.name).toBe('digits.npz')
})

test('the next task keeps the names of the files that it needs too, and the others go', async () => {
  await directory.hold(evaluation({ path: path('base'), data: [] }))
  expect(await files()).toEqual({ '0.dataset': 'digits', '1.model': 'base' })
  await directory.hold(evaluation({ path: path('soup'), data: [] }))
  expect(await files()).toEqual({ '0.dataset': 'digits', '2.model': 'soup' })
})

test('a file is linked: it stays readable when its content is deleted, and is not stored twice', async () => {
  await directory.hold(evaluation({ path: path('base'), data: [] }))
  const linked = join(directory.path, 'job', '1.model')
  expect((await stat(linked)).ino).toBe((await stat(path('base'))).ino)
})

test.runIf(process.getuid?.() === 0)('a user of their own can read the files of evaluators of root', async () => {
  await chmod(path('base'), 0o660)
  const before = await fileState(path('base'))
  await directory.hold(evaluation({ path: path('base'), data: [] }))
  expect((await stat(join(directory.path, 'job', '1.model'))).mode & 0o777).toBe(0o664)
  expect(onlyOwnLinks(before, await fileState(path('base')))).toBe(true)
})

test('nothing is left of a job whose evaluator ends, and no file comes later', async () => {
  await directory.hold(evaluation({ path: path('base'), data: [] }))
  await directory.clear()
  expect(await files()).toEqual({})
  await directory.hold(evaluation({ path: path('soup'), data: [] }))
  expect(await files()).toEqual({})
  await directory.remove()
  expect(await readdir(path('evaluator'))).toEqual([])
})

test('directories that a killed server has left go at the next start, and nothing else', async () => {
  const parent = path('evaluator')
  await directory.hold(evaluation({ path: path('base'), data: [] }))
  await writeFile(join(parent, 'notes.txt'), 'not ours')
  await clearJobDirectories(parent)
  expect(await readdir(parent)).toEqual(['notes.txt'])
  expect(await readFile(path('base'), 'utf8')).toBe('base')
})

test('the read-only directory of an earlier version is made anew', async () => {
  const parent = path('earlier')
  await mkdir(parent, { mode: 0o555 })
  await clearJobDirectories(parent)
  expect(((await stat(parent)).mode & 0o200) !== 0).toBe(true)
})

test('others may enter the directory, list no other one, and write nowhere', async () => {
  const modes = await Promise.all(['', 'job', 'empty'].map(name => stat(join(directory.path, name))))
  expect(modes.map(({ mode }) => (mode & 0o7).toString(8))).toEqual(['1', '5', '5'])
})

test('a file that is missing is named each time, and the others are not left behind', async () => {
  const task = evaluation({ path: path('gone'), data: [{ location: 'weights', path: path('base.data') }] })
  for (let attempt = 0; attempt < 2; attempt += 1) {
    await expect(directory.hold(task)).rejects.toMatchObject({ code: 'ENOENT' })
    expect(await files()).toEqual({})
  }
})
