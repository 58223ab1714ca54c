import { afterAll, beforeAll, expect, test } from 'vitest'
import { mergeRequest } from '../../schemas/merge.ts'
import { sharedBoard } from '../../src/jobs/cluster/shared-board.ts'
import { insertJob } from '../../src/jobs/job-records.ts'
import type { Catalog } from '../../src/storage/database.ts'
import { rangeBoardSuite } from '../jobs/range-board-suite.ts'
import { newsHere } from '../support/news-here.ts'
import { openTestCatalog } from '../support/test-catalog.ts'

let opened: Awaited<ReturnType<typeof openTestCatalog>>
let catalog: Catalog
beforeAll(async () => {
  opened = await openTestCatalog()
  catalog = opened.catalog
})
afterAll(() => opened.close())

const setStatus = async (id: string, status: string) => {
  await catalog.updateTable('jobs').set({ status }).where('id', '=', id).execute()
}

const newJob = async () => {
  const request = mergeRequest.parse({ models: [{ id: 'a' }, { id: 'b' }] })
  const id = await insertJob(catalog, { type: 'merge', request, labels: {}, inputIds: [] })
  await setStatus(id, 'running')
  return id
}

rangeBoardSuite(async () => {
  await catalog.deleteFrom('candidate_ranges').execute()
  return { board: sharedBoard(catalog, newsHere()), newJob, endJob: id => setStatus(id, 'cancelled') }
})

test('a range that a newer version of Tureen offered has no fingerprint of this version', async () => {
  const jobId = await newJob()
  const range = { id: 'newer', job_id: jobId, evaluators: 0, beats: 0, settled: 0 }
  const candidates = JSON.stringify({ documentVersion: 99, soups: 'compressed' })
  await catalog
    .insertInto('candidate_ranges')
    .values({ ...range, candidates })
    .execute()
  const taken = await sharedBoard(catalog, newsHere()).take({ id: 'one', evaluators: 1 }, { jobId })
  expect(taken).toEqual({ id: 'newer', jobId, term: 0, fingerprint: '', soups: [] })
})

test('the deletion of a job takes its ranges along', async () => {
  const jobId = await newJob()
  const board = sharedBoard(catalog, newsHere())
  await board.offer(jobId, [{ id: 'orphan', term: 0, fingerprint: '', soups: [] }])
  await catalog.deleteFrom('jobs').where('id', '=', jobId).execute()
  expect(await board.states(jobId)).toEqual([])
})
