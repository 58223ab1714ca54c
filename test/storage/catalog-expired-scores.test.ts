import { afterEach, beforeEach, expect, test } from 'vitest'
import { createKeptScores, type KeptScores } from '../../src/jobs/kept-scores.ts'
import type { ScoredModel, Subject } from '../../src/jobs/score-subject.ts'
import type { RecipeDocument } from '../../src/merge/provenance.ts'
import type { Catalog } from '../../src/storage/database.ts'
import { newRecordId } from '../../src/storage/record-ids.ts'
import { removeScoresOf } from '../../src/storage/scored-models.ts'
import { createScores } from '../../src/storage/scores.ts'
import { openTestCatalog } from '../support/test-catalog.ts'

let opened: Awaited<ReturnType<typeof openTestCatalog>>
let catalog: Catalog
let kept: KeptScores
beforeEach(async () => {
  opened = await openTestCatalog()
  catalog = opened.catalog
  kept = createKeptScores(createScores(catalog))
  for (const name of ['a', 'b', 'c', 'fisher', 'soup']) await insertModel(name, name)
})
afterEach(() => opened.close())

async function insertModel(id: string, sha256: string): Promise<void> {
  const columns = { name: null, fingerprint: '', description: '{}', recipe: null, created_at: '', expires_at: null }
  await catalog
    .insertInto('models')
    .values({ id, sha256, ...columns })
    .execute()
}

async function deleteModel(id: string): Promise<void> {
  await catalog.transaction().execute(async transaction => {
    const { sha256 } = await transaction
      .deleteFrom('models')
      .where('id', '=', id)
      .returning('sha256')
      .executeTakeFirstOrThrow()
    await removeScoresOf(transaction, sha256)
  })
}

const binding = { inputs: [], target: 'y', output: 'out', batchSize: 1, references: [], fixed: false }
const dataset = `sha256:${'d'.repeat(64)}`
const jobId = newRecordId()
const subject = (model: ScoredModel): Subject => ({ model, dataset, binding, limit: null, threads: 1 })
const soup = (members: string[], others: Partial<RecipeDocument> = {}): ScoredModel => ({
  numerics: 2,
  recipe: {
    method: 'average',
    models: members.map(id => ({ id, weight: 1 })),
    nonFloat: 'error',
    provenance: false,
    ...others,
  },
})

const scored: Record<string, ScoredModel> = {
  a: 'a',
  'a and b': soup(['a', 'b']),
  'b and c': soup(['b', 'c']),
  'b on a': soup(['b'], { base: 'a' }),
  'b by fisher': {
    numerics: 2,
    recipe: { ...recipeOf(soup(['b'])), models: [{ id: 'b', weight: 1, fisher: 'fisher' }] },
  },
}

function recipeOf(model: ScoredModel): RecipeDocument {
  if (typeof model === 'string') throw new Error('a model has no recipe')
  return model.recipe
}

const run = { samples: 10, notANumber: 0, seconds: 1, latency: { median: 1, p95: 2 } }
const metric = { metric: 'accuracy', parameters: {} }

async function keepAll(): Promise<void> {
  const scores = [{ identity: metric, outcome: { value: 0.5, ignored: 0 } }]
  await kept.keep(
    Object.values(scored).map(model => ({ subject: subject(model), run, scores })),
    jobId,
  )
}

async function keptNames(): Promise<string[]> {
  const found = await kept.find(Object.values(scored).map(subject), metric)
  return Object.keys(scored).filter((_, index) => found[index])
}

const countRows = async () => (await catalog.selectFrom('scores').select('key').execute()).length

test('scores go with the first of the models that they need: of a model, of its soups, as base and as companion', async () => {
  await keepAll()
  expect(await keptNames()).toEqual(Object.keys(scored))
  await deleteModel('fisher')
  expect(await keptNames()).toEqual(['a', 'a and b', 'b and c', 'b on a'])
  await deleteModel('a')
  expect(await keptNames()).toEqual(['b and c'])
  await deleteModel('c')
  expect(await countRows()).toBe(0)
})

test('scores stay while another record has the same content', async () => {
  await insertModel('again', 'a')
  await keepAll()
  await deleteModel('a')
  expect(await keptNames()).toEqual(Object.keys(scored))
  await deleteModel('again')
  expect(await keptNames()).toEqual(['b and c', 'b by fisher'])
})

test('a comparison goes with each of its models', async () => {
  const key = { subjects: [subject('b'), subject('c')], metric, compared: [0, 1] as [number, number], bootstrap: {} }
  const outcome = {
    metrics: [
      { name: 'accuracy', value: 1, ignored: 0 },
      { name: 'accuracy', value: 0, ignored: 0 },
    ],
    notANumber: [0, 0],
    samples: 10,
    interval: null,
    leftOut: 0,
    gains: null,
    seconds: 1,
  }
  await kept.keepComparison(key, outcome, jobId)
  expect(await kept.comparison(key)).toBeDefined()
  await deleteModel('b')
  expect(await kept.comparison(key)).toBeUndefined()
  expect(await kept.score(subject('c'), metric)).toBeDefined()
  await deleteModel('c')
  expect(await countRows()).toBe(0)
})

test('the score of a soup stays in the list of the model that it became when its own models go, and goes with that model', async () => {
  await keepAll()
  await kept.adopt('soup', [{ subject: subject(soup(['a', 'b'])), metric, samples: 10 }], jobId)
  for (const name of ['a', 'b', 'c', 'fisher']) await deleteModel(name)
  expect((await kept.list('soup', { limit: 10 })).items).toMatchObject([{ value: { value: 0.5 } }])
  await deleteModel('soup')
  expect(await countRows()).toBe(0)
})

test('the score of a soup stays for searches when the model that it became goes', async () => {
  await keepAll()
  await kept.adopt('soup', [{ subject: subject(soup(['a', 'b'])), metric, samples: 10 }], jobId)
  await deleteModel('soup')
  expect(await keptNames()).toEqual(Object.keys(scored))
  expect((await kept.list('soup', { limit: 10 })).items).toEqual([])
})
