import { inject } from 'vitest'
import { jobQueueSuite } from '../jobs/job-queue-suite.ts'
import { createDatabase, dropDatabase } from '../support/postgres.ts'
import { openQueueProcesses } from '../support/queue-processes.ts'

jobQueueSuite('shared by processes with PostgreSQL', async () => {
  const url = await createDatabase(inject('postgres') ?? '')
  const processes = await openQueueProcesses(url, 2)
  return {
    ...processes,
    async close() {
      await processes.close()
      await dropDatabase(url)
    },
  }
})
