import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import pino from 'pino'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { comparisonRequest } from '../../schemas/comparison.ts'
import { conversionRequest } from '../../schemas/conversion.ts'
import { evaluationRequest } from '../../schemas/evaluation.ts'
import { exportRequest } from '../../schemas/export.ts'
import { type JobRecord, type JobType, jobType } from '../../schemas/job.ts'
import { mergeRequest } from '../../schemas/merge.ts'
import { searchRequest } from '../../schemas/search.ts'
import { createJobs, type Jobs } from '../../src/composition/jobs.ts'
import { beginAttempt, takeBackAttempts } from '../../src/jobs/job-attempts.ts'
import type { JobContext, RunnableJobTypes } from '../../src/jobs/job-runner.ts'
import { type Catalog, openCatalog } from '../../src/storage/database.ts'
import { createReserve } from '../../src/storage/reserve.ts'
import { createScores } from '../../src/storage/scores.ts'
import { isReadable } from '../../src/storage/unreadable.ts'
import { expectTypedCauses } from '../support/http-client.ts'
import { temporaryDirectory } from '../support/server.ts'
import { until } from '../support/store-client.ts'

let directory: Awaited<ReturnType<typeof temporaryDirectory>>
let catalog: Catalog
beforeEach(async () => {
  directory = await temporaryDirectory()
  catalog = await openCatalog(join(directory.path, 'catalog.sqlite'))
})
afterEach(async () => {
  await catalog.destroy()
  await directory.remove()
})

type Runner = (job: Pick<JobContext<JobType>, 'id' | 'signal' | 'progress'>) => Promise<void>

/** A server process as far as jobs go. A process that dies is one that the test forgets: its jobs never end. */
type Process = {
  jobs: Jobs
  /** Ids of the jobs that have begun, in order. */
  begun: string[]
  cutOff: string[]
  ended: string[]
}

/** Does nothing until it is stopped. */
const idle: Runner = async ({ signal }) => {
  const { promise, reject } = Promise.withResolvers<never>()
  signal.addEventListener('abort', () => reject(new Error('stopped')))
  signal.throwIfAborted()
  await promise
}

/** @param run runs each job; a comparison succeeds when it returns */
function newProcess(run: Runner = idle, concurrency = 2): Process {
  const begun: string[] = []
  const cutOff: string[] = []
  const ended: string[] = []
  const runner = (_: unknown, job: Parameters<Runner>[0]) => {
    begun.push(job.id)
    return run(job)
  }
  const types: RunnableJobTypes = {
    merge: { runner },
    evaluation: { runner },
    search: { runner },
    export: { runner },
    conversion: { runner },
    comparison: {
      async runner(request, context) {
        await runner(request, context)
        await context.succeed(async () => ({ pairs: [], warnings: [] }))
      },
    },
  }
  const observer = {
    jobEnded: ({ id }: { id: string }) => ended.push(id),
    jobCutOff: (type: string) => cutOff.push(type),
  }
  const reserve = createReserve(directory.path, async () => undefined)
  const limits = { concurrency, maximumQueued: 100, ttl: null }
  const { signal } = new AbortController()
  const jobs = createJobs(
    { catalog, notifications: null, reserve },
    types,
    pino({ level: 'silent' }),
    limits,
    observer,
    signal,
  )
  return { jobs, begun, cutOff, ended }
}

const models = [{ id: 'a' }, { id: 'b' }]
const requests = {
  merge: { type: 'merge', request: mergeRequest.parse({ models }) },
  comparison: { type: 'comparison', request: comparisonRequest.parse({ models }) },
  evaluation: {
    type: 'evaluation',
    request: evaluationRequest.parse({ model: 'a', dataset: 'd', metrics: ['accuracy'] }),
  },
  export: { type: 'export', request: exportRequest.parse({ model: 'a', checkpoint: 'b' }) },
  conversion: { type: 'conversion', request: conversionRequest.parse({ export: 'e', checkpoint: 'b' }) },
  search: {
    type: 'search',
    request: searchRequest.parse({
      models,
      strategy: { type: 'exhaustive' },
      selection: { dataset: 'd', metric: 'accuracy' },
    }),
  },
} as const

const create = ({ jobs }: Process, type: JobType = 'merge', inputIds: string[] = []) =>
  jobs.commands.create({ ...requests[type], labels: {}, inputIds })

async function recordOf(id: string): Promise<JobRecord> {
  const { job } = await newProcess().jobs.queries.get(id)
  if (!isReadable(job)) throw new Error(job.unreadable)
  return job
}

const untilBegun = ({ begun }: Process, ...ids: string[]) =>
  until(`the start of ${ids}`, () => ids.every(id => begun.includes(id)))

/** The messages in the log of a job. */
async function logOf(id: string): Promise<string[]> {
  const events = catalog.selectFrom('job_events').select('data').where('job_id', '=', id).where('type', '=', 'log')
  return (await events.orderBy('sequence').execute()).map(({ data }) => JSON.parse(data).message)
}

/** Starts a process that takes up the jobs of the one that died. */
async function nextProcess(...parameters: Parameters<typeof newProcess>): Promise<Process> {
  const process = newProcess(...parameters)
  await process.jobs.executor.start()
  return process
}

describe('a job during which the process dies', () => {
  test.each(jobType.options)('three times without progress fails at the fourth start: %s', async type => {
    await catalog
      .insertInto('models')
      .values({
        id: 'a',
        name: null,
        sha256: '',
        fingerprint: '',
        description: '{}',
        recipe: null,
        created_at: '',
        expires_at: null,
      })
      .execute()
    await catalog
      .insertInto('datasets')
      .values({ id: 'd', name: null, sha256: '', bytes: 0, description: '{}', created_at: '', expires_at: null })
      .execute()
    const first = await nextProcess()
    const { id, attempts } = await create(first, type, ['a', 'd'])
    expect(attempts).toBe(0)
    await untilBegun(first, id)
    let { startedAt } = await recordOf(id)
    expect(await recordOf(id)).not.toHaveProperty('lastFailure')
    for (const start of [2, 3]) {
      const process = await nextProcess()
      await untilBegun(process, id)
      expect(process.cutOff).toEqual([type])
      const record = await recordOf(id)
      expect(record).toMatchObject({ status: 'running', attempts: start })
      expect(record.lastFailure).toEqual({
        startedAt,
        foundAt: expect.any(String),
        message: expect.stringMatching(/died/),
      })
      startedAt = record.startedAt
      expect((await process.jobs.queries.list({ limit: 1, label: {} })).items).toMatchObject([{ id, attempts: start }])
    }
    const last = await nextProcess()
    const job = await recordOf(id)
    expect(job).toMatchObject({ status: 'failed', attempts: 3, lastFailure: { startedAt }, error: { status: 422 } })
    expect(job.finishedAt).not.toBeNull()
    if (!job.error) throw new Error('no error')
    expect(job.error.code).toBe('TUREEN_JOB_ATTEMPTS_EXHAUSTED')
    expectTypedCauses({ code: 'TUREEN_JOB_ATTEMPTS_EXHAUSTED', errors: job.error.errors })
    expect(job.error.errors).toMatchObject([{ job: id, actual: '3' }, { model: 'a' }, { dataset: 'd' }])
    for (const said of [type, 'during 3 starts', String(job.startedAt)]) expect(job.error.detail).toContain(said)
    expect(last).toMatchObject({ begun: [], cutOff: [type], ended: [id] })
    expect(await logOf(id)).toEqual([
      expect.stringMatching(/died while the job ran, which had started at 20.*Z\. The job starts again: start 2 of 3 /),
      expect.stringMatching(/The job starts again, and runs alone: start 3 of 3 /),
      expect.stringMatching(/The job fails: this was start 3 /),
    ])
    expect((await nextProcess()).cutOff).toEqual([])
  })

  test('does not count where the process was asked to end, also if it could not wait for the job', async () => {
    const first = await nextProcess()
    const { id } = await create(first)
    await untilBegun(first, id)
    for (let stops = 0; stops < 4; stops += 1) {
      const process = await nextProcess()
      await untilBegun(process, id)
      // The first process has died, and no other has.
      expect(await recordOf(id)).toMatchObject({ status: 'running', attempts: 2 })
      await process.jobs.executor.close()
      expect(await recordOf(id)).toMatchObject({ status: 'queued', attempts: 1 })
    }
    const deaf = await nextProcess(() => new Promise(() => undefined))
    await untilBegun(deaf, id)
    void deaf.jobs.executor.close()
    await until('the start is taken back', async () => (await recordOf(id)).attempts === 1)
    expect((await recordOf(id)).status).toBe('running')
    const last = await nextProcess()
    await untilBegun(last, id)
    expect((await recordOf(id)).attempts).toBe(2)
    expect(await logOf(id)).toHaveLength(2)
    await last.jobs.executor.close()
  })

  test('counts anew after a score that was not kept before, and not after one that was', async () => {
    const scores = createScores(catalog)
    const keeps =
      (key: string): Runner =>
      async context => {
        await scores.put(
          [
            { parts: 'every run has this one', models: [], value: { value: 0 } },
            { parts: key, models: [], value: { value: 1 } },
          ],
          context.id,
        )
        await idle(context)
      }
    const first = await nextProcess(keeps('first'))
    const { id } = await create(first, 'search')
    const attempts = async () => (await recordOf(id)).attempts
    await until('the first score', async () => (await scores.get('first')) !== undefined)
    expect(await attempts()).toBe(0)
    // Deaths without progress in between: the third in a row never comes.
    for (const [key, expected] of [
      ['first', 1],
      ['first', 2],
      ['second', 0],
      ['first', 1],
      ['second', 2],
      ['third', 0],
    ] as const) {
      const process = await nextProcess(keeps(key))
      await untilBegun(process, id)
      await until(`the attempts after ${key}`, async () => (await attempts()) === expected)
    }
    expect((await recordOf(id)).status).toBe('running')
  })

  test('reads as never started in a row of an earlier version', async () => {
    const first = await nextProcess()
    const { id } = await create(first)
    await untilBegun(first, id)
    await catalog.updateTable('jobs').set({ attempts: null }).execute()
    expect((await recordOf(id)).attempts).toBe(0)
    const next = await nextProcess()
    await untilBegun(next, id)
    expect((await recordOf(id)).attempts).toBe(1)
  })
})

describe('the last start of a job', () => {
  /** A process dies twice while two jobs of one type and one of another run. */
  async function diedTwice(): Promise<string[]> {
    const first = await nextProcess()
    const ids = []
    for (const type of ['comparison', 'comparison', 'search'] as const) ids.push((await create(first, type)).id)
    await untilBegun(first, ...ids)
    await untilBegun(await nextProcess(), ...ids)
    return ids
  }

  test('is alone, so that a neighbour of the job that kills the process makes its way', async () => {
    const [innocent = '', guilty = '', other = ''] = await diedTwice()
    const finishing = new Map<string, () => void>()
    const asked: Runner = async ({ id, signal }) => {
      await new Promise<void>((resolve, reject) => {
        finishing.set(id, resolve)
        signal.addEventListener('abort', () => reject(new Error('stopped')))
      })
    }
    const third = await nextProcess(asked)
    await untilBegun(third, innocent)
    const late = await create(third, 'comparison')
    await delay(50)
    expect(third.begun).toEqual([innocent])
    finishing.get(innocent)?.()
    await untilBegun(third, guilty)
    await delay(50)
    expect(third.begun).toEqual([innocent, guilty])

    // It kills the process again.
    const fourth = await nextProcess(asked)
    expect((await recordOf(guilty)).status).toBe('failed')
    await untilBegun(fourth, other)
    await delay(50)
    expect(fourth.begun).toEqual([other])
    await fourth.jobs.commands.cancel(other)
    await untilBegun(fourth, late.id)
    expect((await recordOf(innocent)).status).toBe('succeeded')
    expect((await recordOf(late.id)).attempts).toBe(1)
    finishing.get(late.id)?.()
    expect((await fourth.jobs.queries.wait(late.id, 20, new AbortController().signal)).job.status).toBe('succeeded')
  })

  test('is alone only until the job makes progress', async () => {
    const first = await nextProcess()
    const { id } = await create(first, 'search')
    await untilBegun(first, id)
    await untilBegun(await nextProcess(), id)
    const scores = createScores(catalog)
    const goOn = Promise.withResolvers<void>()
    const third = await nextProcess(async context => {
      if (context.id !== id) return idle(context)
      await goOn.promise
      await scores.put([{ parts: 'new', models: [], value: { value: 1 } }], id)
      context.progress({ done: 1, total: 2, message: 'candidate 1 of 2' })
      return idle(context)
    })
    const other = await create(third)
    await untilBegun(third, id)
    await delay(50)
    expect(third.begun).toEqual([id])
    goOn.resolve()
    await untilBegun(third, other.id)
    await third.jobs.executor.close()
  })
})

test('a job that is created before the jobs of the earlier process are taken up waits for one that runs alone', async () => {
  const first = await nextProcess()
  const { id } = await create(first)
  await untilBegun(first, id)
  await catalog.updateTable('jobs').set({ attempts: 2 }).where('id', '=', id).execute()
  const process = newProcess()
  const other = await create(process)
  await delay(50)
  expect(process.begun).toEqual([])
  await process.jobs.executor.start()
  await untilBegun(process, id)
  await delay(50)
  expect(process).toMatchObject({ begun: [id], cutOff: ['merge'] })
  await process.jobs.commands.cancel(id)
  await untilBegun(process, other.id)
  expect(await recordOf(other.id)).toMatchObject({ status: 'running', attempts: 1 })
  await process.jobs.executor.close()
})

test('a start whose answer was lost is found by the same call again, and counts once', async () => {
  const { jobs } = newProcess()
  const { id } = await jobs.commands.create({ ...requests.merge, labels: {}, inputIds: [] })
  const startedAt = new Date().toISOString()
  for (let calls = 0; calls < 2; calls += 1) expect(await beginAttempt(catalog, id, startedAt)).toBe(true)
  expect(await recordOf(id)).toMatchObject({ status: 'running', attempts: 1, startedAt })
  expect(await beginAttempt(catalog, id, '2000-01-01T00:00:00.000Z')).toBe(false)
})

test('a clean stop takes a start back also if its job is in the queue again by then', async () => {
  const { jobs } = newProcess()
  const { id } = await jobs.commands.create({ ...requests.merge, labels: {}, inputIds: [] })
  await beginAttempt(catalog, id, new Date().toISOString())
  await catalog.updateTable('jobs').set({ status: 'queued' }).execute()
  await takeBackAttempts(catalog, [id])
  expect((await recordOf(id)).attempts).toBe(0)
})
