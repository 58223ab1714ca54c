import { z } from 'zod'
import type { JobItem } from '../schemas/job.ts'
import { commonOptions, createCommand, readCommand } from './command.ts'
import { oneOrList, requireRecords } from './held-records.ts'
import { exitCodes } from './mistakes.ts'
import { runSession } from './session.ts'
import { plain } from './terminal.ts'

/** `tureen cancel`: cancels jobs. */
export async function cancelCommand(given: readonly string[]): Promise<void> {
  const command = createCommand('cancel', 'Cancel jobs that have not ended.').argument('<jobs...>', 'ids of jobs')
  const { options, names } = readCommand(command, z.object(commonOptions), given)
  await runSession(
    'cancel',
    options,
    async () => requireRecords(options),
    async ({ client, reporter, signal }) => {
      const jobs: JobItem[] = []
      for (const id of new Set(names)) {
        const job = await client.cancelJob(id, { signal })
        jobs.push(job)
        reporter.tell(plain(`${id} is cancelled`))
      }
      reporter.document(oneOrList(jobs))
      return exitCodes.done
    },
  )
}
