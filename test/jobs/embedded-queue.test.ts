import { join } from 'node:path'
import pino from 'pino'
import { embeddedEvents } from '../../src/jobs/embedded-events.ts'
import { embeddedQueue } from '../../src/jobs/embedded-queue.ts'
import { jobEnder } from '../../src/jobs/end-job.ts'
import { statusWriter } from '../../src/jobs/until-written.ts'
import { openCatalog } from '../../src/storage/database.ts'
import { createReserve } from '../../src/storage/reserve.ts'
import { temporaryDirectory } from '../support/server.ts'
import { jobQueueSuite } from './job-queue-suite.ts'

jobQueueSuite('embedded', async () => {
  const directory = await temporaryDirectory()
  const catalog = await openCatalog(join(directory.path, 'catalog.sqlite'))
  const reserve = createReserve(directory.path, async () => undefined)
  const log = pino({ level: 'silent' })
  const untilWritten = statusWriter(log, new AbortController().signal)
  const observer = { jobEnded() {}, jobCutOff() {} }
  return {
    catalog,
    connect: () =>
      embeddedQueue(
        { catalog, reserve, events: embeddedEvents(), end: jobEnder(null), untilWritten, log },
        2,
        observer,
      ),
    // A process that dies is one that the test forgets: its jobs never end.
    die: async () => undefined,
    async close() {
      await catalog.destroy()
      await directory.remove()
    },
  }
})
