import { getEventListeners } from 'node:events'
import { setImmediate } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { mergeRequest } from '../../schemas/merge.ts'
import { jobEnder } from '../../src/jobs/end-job.ts'
import { createEventStream } from '../../src/jobs/event-stream.ts'
import { beginAttempt } from '../../src/jobs/job-attempts.ts'
import { insertLog, insertProgress } from '../../src/jobs/job-event-rows.ts'
import type { JobEvents } from '../../src/jobs/job-events.ts'
import { createJobQueries } from '../../src/jobs/job-queries.ts'
import { insertJob, saveProgress } from '../../src/jobs/job-records.ts'
import type { Catalog } from '../../src/storage/database.ts'

/** An implementation of the port on a new catalog. `connect`: returns the news as a further process has them. */
export type EventsUnderTest = { catalog: Catalog; connect(): JobEvents; close(): Promise<void> }

const long = 60_000

const startedAt = '2026-01-01T00:00:00.000Z'

/** Describes the promises of {@link JobEvents}, which each implementation keeps. */
export function jobEventsSuite(name: string, open: () => Promise<EventsUnderTest>): void {
  describe(`the news of jobs: ${name}`, () => {
    let tested: EventsUnderTest
    beforeEach(async () => {
      tested = await open()
    })
    afterEach(() => tested.close())

    const insertRunning = async () => {
      const request = mergeRequest.parse({ models: [{ id: 'a' }, { id: 'b' }] })
      const id = await insertJob(tested.catalog, { type: 'merge', request, labels: {}, inputIds: [] })
      expect(await beginAttempt(tested.catalog, id, startedAt)).toBe(true)
      return id
    }
    const forever = new AbortController().signal

    test('every subscriber sees each event once, in order, up to the last, also after it connects again elsewhere', async () => {
      const { catalog, connect } = tested
      const id = await insertRunning()
      const [writer, ...readers] = Array.from({ length: 4 }, connect)
      const streams = readers.map(events =>
        createEventStream(catalog, events, createJobQueries(catalog, events, forever), forever),
      )
      const written: string[] = []
      const write = async () => {
        for (let index = 0; index < 60; index += 1) {
          await catalog.transaction().execute(async transaction => {
            const progress = { done: index, total: 60, message: 'x' }
            await saveProgress(transaction, { id, startedAt }, progress)
            if (index % 3 === 0) await insertLog(transaction, id, `m${index}`)
            else await insertProgress(transaction, id, progress)
          })
          written.push(index % 3 === 0 ? `m${index}` : String(index))
          writer?.changed(id)
          for (let turn = 0; turn < index % 4; turn += 1) await setImmediate()
        }
        await catalog.transaction().execute(transaction => jobEnder(null)(transaction, id, 'cancelled', {}))
        writer?.changed(id)
      }
      /** Reads all events, and connects again after so many of them. */
      const read = async (perConnection: number) => {
        const seen: string[] = []
        let last = 0
        for (let connections = 0; ; connections += 1) {
          const gone = new AbortController()
          let left = perConnection
          for await (const event of streams[connections % streams.length]?.(id, last, gone.signal) ?? []) {
            if (event === null) continue
            expect(event.sequence).toBeGreaterThan(last)
            last = event.sequence
            if (event.type === 'done') return seen
            const { message, done } = JSON.parse(event.data)
            seen.push(event.type === 'log' ? message : String(done))
            left -= 1
            if (left === 0) break
          }
          gone.abort()
        }
      }
      const reading = [1, 2, 7, 1000].map(read)
      await write()
      const late = read(1000)
      for (const seen of await Promise.all([...reading, late])) expect(seen).toEqual(written)
    })

    test('a change that comes while the job is read is not missed, and is told once', async () => {
      const { connect } = tested
      const [here, there] = [connect(), connect()]
      const followed = here.follow('a', forever)
      there.changed('a')
      await followed.next(long)
      let told = false
      const second = followed.next(long).then(() => {
        told = true
      })
      there.changed('b')
      for (let turn = 0; turn < 10; turn += 1) await setImmediate()
      expect(told).toBe(false)
      there.changed('a')
      await second
      followed.close()
    })

    test('the time limit and the signal end a wait', async () => {
      const events = tested.connect()
      const timed = events.follow('a', forever)
      await timed.next(1)
      timed.close()
      const gone = new AbortController()
      const followed = events.follow('a', gone.signal)
      const waiting = followed.next(long)
      gone.abort()
      await waiting
      await followed.next(long)
      followed.close()
      expect(getEventListeners(gone.signal, 'abort')).toEqual([])
    })
  })
}
