import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { mergeRequest } from '../../schemas/merge.ts'
import { findJob, jobEnder } from '../../src/jobs/end-job.ts'
import type { Claim, JobQueue } from '../../src/jobs/job-queue.ts'
import { insertJob, transition } from '../../src/jobs/job-records.ts'
import type { Catalog } from '../../src/storage/database.ts'
import { createScores } from '../../src/storage/scores.ts'
import { isReadable, requireReadable } from '../../src/storage/unreadable.ts'
import { until } from '../support/store-client.ts'

/**
 * An implementation of the port on a new catalog. `connect`: returns the queue as a further process has it, which runs two merges at most
 * at a time. `die`: ends a process without warning.
 */
export type QueueUnderTest = {
  catalog: Catalog
  connect(): JobQueue | Promise<JobQueue>
  die(queue: JobQueue): Promise<void>
  close(): Promise<void>
}

const end = jobEnder(null)
const request = mergeRequest.parse({ models: [{ id: 'a' }, { id: 'b' }] })

/** Describes the promises of {@link JobQueue}, which each implementation keeps. */
export function jobQueueSuite(name: string, open: () => Promise<QueueUnderTest>): void {
  describe(`the queue of jobs: ${name}`, () => {
    let tested: QueueUnderTest
    beforeEach(async () => {
      tested = await open()
    })
    afterEach(() => tested.close())

    const jobOf = async (id: string) => {
      const { job } = await findJob(tested.catalog, id)
      if (!isReadable(job)) throw new Error(job.unreadable)
      return job
    }
    const enqueue = async (queue: JobQueue, wanted = true) => {
      let id = ''
      const create = async (transaction: Catalog) => {
        id = await insertJob(transaction, { type: 'merge', request, labels: {}, inputIds: [] })
        if (!wanted) throw new Error('not wanted')
        return requireReadable({ job: id }, (await findJob(transaction, id)).job)
      }
      await queue.enqueue(create).catch(error => expect(error.message).toBe('not wanted'))
      return id
    }

    /** Starts a process whose jobs run until the test ends them, or until they are stopped. */
    async function worker(given?: JobQueue) {
      const queue = given ?? (await tested.connect())
      const claims: Claim[] = []
      const ends = new Map<string, () => void>()
      await queue.work(async claim => {
        claims.push(claim)
        const { promise, resolve } = Promise.withResolvers<void>()
        ends.set(claim.id, resolve)
        claim.signal.addEventListener('abort', () => resolve())
        await promise
      })
      return {
        queue,
        claims,
        ids: () => claims.map(({ id }) => id),
        async succeed(id: string) {
          await tested.catalog.transaction().execute(transaction => end(transaction, id, 'succeeded', {}))
          ends.get(id)?.()
        },
        /** Ends the part of the newest start of a job, whose run goes on until the test ends it. */
        async leave(id: string, status: 'waiting' | 'queued') {
          const claim = claims.findLast(claim => claim.id === id)
          await tested.catalog
            .transaction()
            .execute(transaction =>
              transition(transaction, id, ['running'], status, { attempts: 0 }, claim?.startedAt ?? 'none'),
            )
          claim?.left(status)
        },
        endRun: (id: string) => ends.get(id)?.(),
        untilClaimed: (...ids: string[]) =>
          until(`claims of ${ids}`, () => ids.every(id => claims.some(claim => claim.id === id))),
        untilStarts: (id: string, starts: number) =>
          until(`${starts} starts of ${id}`, () => claims.filter(claim => claim.id === id).length === starts),
      }
    }
    /** Puts a waiting job back into the queue. */
    const queueAgain = (queue: JobQueue, id: string) =>
      queue.enqueue(async transaction => {
        const isQueued = await transition(transaction, id, ['waiting'], 'queued')
        return isQueued ? { id, type: 'merge' as const } : undefined
      })
    const cancel = async (queue: JobQueue, id: string) => {
      await tested.catalog.transaction().execute(transaction => end(transaction, id, 'cancelled', {}))
      await queue.cancel(id)
    }

    test('hands out a committed job once, which runs and counts its attempt, and never one of a failed transaction', async () => {
      const { queue, ids, untilClaimed, succeed } = await worker()
      await enqueue(queue, false)
      const id = await enqueue(queue)
      await untilClaimed(id)
      expect(await jobOf(id)).toMatchObject({ status: 'running', attempts: 1 })
      await succeed(id)
      const next = await enqueue(queue)
      await untilClaimed(next)
      await delay(50)
      expect(ids()).toEqual([id, next])
      await queue.close()
      const other = await worker()
      await other.untilClaimed(next)
      expect(other.ids()).toEqual([next])
      await other.queue.close()
    })

    test('hands out jobs that were enqueued before any process works, oldest first, and two of a type at a time', async () => {
      const queue = await tested.connect()
      const ids = [await enqueue(queue), await enqueue(queue), await enqueue(queue)]
      const [first = '', second = '', third = ''] = ids
      await delay(50)
      expect(await jobOf(first)).toMatchObject({ status: 'queued', attempts: 0 })
      const working = await worker(queue)
      await working.untilClaimed(first, second)
      await delay(50)
      expect(working.ids().sort()).toEqual([first, second].sort())
      await working.succeed(second)
      await working.untilClaimed(third)
      await queue.close()
    })

    test('cancels a running job by its signal, and never hands out one that was cancelled while it waited', async () => {
      const { queue, claims, ids, untilClaimed } = await worker()
      const [first, second, waiting] = [await enqueue(queue), await enqueue(queue), await enqueue(queue)]
      await untilClaimed(first, second)
      await cancel(queue, waiting)
      await cancel(queue, first)
      await until('the signal', () => claims.some(({ id, signal }) => id === first && signal.aborted))
      expect(claims.find(({ id }) => id === first)?.signal.reason).toBe('cancelled')
      const last = await enqueue(queue)
      await untilClaimed(last)
      expect(ids()).toHaveLength(3)
      expect(new Set(ids())).toEqual(new Set([first, second, last]))
      expect((await jobOf(first)).status).toBe('cancelled')
      await queue.close()
    })

    test('a clean stop puts a job back, and does not count as an attempt', async () => {
      const first = await worker()
      const id = await enqueue(first.queue)
      await first.untilClaimed(id)
      await first.queue.close()
      expect(first.claims[0]?.signal.reason).toBe('shutdown')
      expect(await jobOf(id)).toMatchObject({ status: 'queued', attempts: 0 })
      const second = await worker()
      await second.untilClaimed(id)
      expect(await jobOf(id)).toMatchObject({ status: 'running', attempts: 1 })
      await second.queue.close()
    })

    test('a clean stop during the last attempt hands the job over, which has its last attempt elsewhere', async () => {
      let process = await worker()
      const id = await enqueue(process.queue)
      for (let deaths = 0; deaths < 2; deaths += 1) {
        await process.untilClaimed(id)
        await tested.die(process.queue)
        process = await worker()
      }
      for (let stops = 0; stops < 2; stops += 1) {
        await process.untilClaimed(id)
        expect(await jobOf(id)).toMatchObject({ status: 'running', attempts: 3 })
        await process.queue.close()
        expect(await jobOf(id)).toMatchObject({ status: 'queued', attempts: 2 })
        process = await worker()
      }
      await process.untilClaimed(id)
      await process.succeed(id)
      expect(await jobOf(id)).toMatchObject({ status: 'succeeded', attempts: 3 })
      await process.queue.close()
    })

    test('hands out nothing to a process that had to close before it began to work', async () => {
      const queue = await tested.connect()
      const id = await enqueue(queue)
      await queue.close()
      const process = await worker(queue)
      await delay(50)
      expect(process.ids()).toEqual([])
      expect(await jobOf(id)).toMatchObject({ status: 'queued', attempts: 0 })
    })

    test('hands a job of a dead process to the next one, until its attempts are exhausted', async () => {
      let process = await worker()
      const id = await enqueue(process.queue)
      for (const attempts of [1, 2, 3]) {
        await process.untilClaimed(id)
        expect(await jobOf(id)).toMatchObject({ status: 'running', attempts })
        await tested.die(process.queue)
        process = await worker()
      }
      await until('the failure', async () => (await jobOf(id)).status === 'failed')
      expect(process.ids()).toEqual([])
      expect(await jobOf(id)).toMatchObject({
        attempts: 3,
        lastFailure: { message: expect.stringMatching(/\S/) },
        error: { code: 'TUREEN_JOB_ATTEMPTS_EXHAUSTED' },
      })
      await process.queue.close()
    })

    test('a job on its last attempt runs alone until it has made progress', async () => {
      let process = await worker()
      const id = await enqueue(process.queue)
      for (let deaths = 0; deaths < 2; deaths += 1) {
        await process.untilClaimed(id)
        await tested.die(process.queue)
        process = await worker()
      }
      await process.untilClaimed(id)
      const other = await enqueue(process.queue)
      await delay(50)
      expect(process.ids()).toEqual([id])
      await createScores(tested.catalog).put([{ parts: 'new', models: [], value: { value: 1 } }], id)
      expect((await jobOf(id)).attempts).toBe(0)
      process.claims[0]?.accompany()
      await process.untilClaimed(other)
      await process.queue.close()
    })

    test('a job on its last attempt never runs beside another one, whichever comes first', async () => {
      let process = await worker()
      const id = await enqueue(process.queue)
      for (let deaths = 0; deaths < 2; deaths += 1) {
        await process.untilClaimed(id)
        await tested.die(process.queue)
        if (deaths === 0) process = await worker()
      }
      const queue = await tested.connect()
      const other = await enqueue(queue)
      process = await worker(queue)
      await until('a claim', () => process.claims.length > 0)
      const [first = ''] = process.ids()
      const second = first === id ? other : id
      await delay(50)
      expect(process.ids()).toEqual([first])
      await process.succeed(first)
      await process.untilClaimed(second)
      expect(process.ids()).toEqual([first, second])
      await queue.close()
    })

    test('a job that waits takes no slot, is handed out to nobody, and again once it is queued', async () => {
      const { queue, claims, untilClaimed, leave, endRun, untilStarts, succeed } = await worker()
      const [first, second] = [await enqueue(queue), await enqueue(queue)]
      await untilClaimed(first, second)
      for (const id of [first, second]) {
        await leave(id, 'waiting')
        endRun(id)
      }
      const [third, fourth] = [await enqueue(queue), await enqueue(queue)]
      await untilClaimed(third, fourth)
      expect(await jobOf(first)).toMatchObject({ status: 'waiting', attempts: 0 })
      await succeed(third)
      await delay(1_100)
      expect(claims).toHaveLength(4)
      expect(await queueAgain(queue, first)).toMatchObject({ id: first })
      await untilStarts(first, 2)
      expect(await jobOf(first)).toMatchObject({ status: 'running', attempts: 1 })
      expect(await queueAgain(queue, first)).toBeUndefined()
      await queue.close()
    })

    test('a job that is queued again before its run has ended is handed out once more after it', async () => {
      const { queue, claims, untilClaimed, leave, endRun, untilStarts } = await worker()
      const id = await enqueue(queue)
      await untilClaimed(id)
      await leave(id, 'waiting')
      await queueAgain(queue, id)
      await delay(50)
      expect(claims).toHaveLength(1)
      endRun(id)
      await untilStarts(id, 2)
      await leave(id, 'queued')
      await delay(1_500)
      expect(claims).toHaveLength(2)
      expect(claims[1]?.signal.aborted).toBe(false)
      endRun(id)
      await untilStarts(id, 3)
      expect((await jobOf(id)).status).toBe('running')
      await queue.close()
      expect((await jobOf(id)).status).toBe('queued')
    })

    test('a clean stop and a death leave a job waiting, also while its run ends, and other processes hand it out later', async () => {
      const first = await worker()
      const [ending, dying] = [await enqueue(first.queue), await enqueue(first.queue)]
      await first.untilClaimed(ending, dying)
      await first.leave(ending, 'waiting')
      await first.leave(dying, 'waiting')
      first.endRun(dying)
      await first.queue.close()
      expect((await jobOf(ending)).status).toBe('waiting')
      const second = await worker()
      await delay(1_100)
      expect(second.claims).toEqual([])
      await queueAgain(second.queue, ending)
      await second.untilClaimed(ending)
      await second.leave(ending, 'waiting')
      await tested.die(second.queue)
      const third = await worker()
      await queueAgain(third.queue, ending)
      await third.untilClaimed(ending)
      expect(await jobOf(ending)).toMatchObject({ status: 'running', attempts: 1 })
      expect((await jobOf(dying)).status).toBe('waiting')
      await cancel(third.queue, dying)
      expect((await jobOf(dying)).status).toBe('cancelled')
      await third.queue.close()
    })

    test('a start that another one has replaced ends nothing, and the other one does', async () => {
      const frozen = await worker()
      const id = await enqueue(frozen.queue)
      await frozen.untilClaimed(id)
      await tested.die(frozen.queue)
      const { queue, claims, untilClaimed } = await worker()
      await untilClaimed(id)
      const endOf = (claim: Claim | undefined) =>
        tested.catalog
          .transaction()
          .execute(transaction => end(transaction, id, 'succeeded', {}, claim?.startedAt ?? 'none'))
      expect(await endOf(frozen.claims[0])).toBeUndefined()
      expect((await jobOf(id)).status).toBe('running')
      expect(await endOf(claims[0])).toMatchObject({ job: { status: 'succeeded' } })
      await queue.close()
    })
  })
}
