import { z } from 'zod'
import { type JobStreamEvent, TureenProblem } from '../client/index.ts'
import type { JobRecord } from '../schemas/job.ts'
import { commonOptions, createCommand, readCommand } from './command.ts'
import { requireRecords } from './held-records.ts'
import { addJobOptions, jobOptions } from './job-options.ts'
import { shownProgress } from './jobs.ts'
import { CommandFailure, errorLines, exitCodes } from './mistakes.ts'
import { searchLines } from './search-lines.ts'
import { runSession, type Session } from './session.ts'
import { plain, shownScore } from './terminal.ts'

/** `tureen watch`: follows a job to its end, and ends as it does. */
export async function watchCommand(given: readonly string[]): Promise<void> {
  const command = addJobOptions(
    createCommand('watch', 'Follow a job to its end. The command ends with 0 if the job succeeds, and else with 1.'),
  ).argument('<job>', 'id of the job')
  const { options, names } = readCommand(command, z.object({ ...commonOptions, ...jobOptions }), given)
  await runSession(
    'watch',
    options,
    async () => {
      requireRecords(options)
      return names[0] ?? ''
    },
    async (session, id) => {
      const { client, reporter, signal } = session
      const onEvent = (event: JobStreamEvent) => {
        if (event.type === 'log') reporter.remark(event.message)
        reporter.event(id, event)
      }
      const job = await client.wait(id, {
        signal,
        onEvent,
        onProgress: progress => reporter.progress(shownProgress(progress)),
      })
      reporter.document(job)
      return told(session, job)
    },
  )
}

/** Tells how a job has ended. @returns the exit code @throws CommandFailure with the reason if it failed or was cancelled */
function told({ reporter }: Session, job: JobRecord): number {
  if (job.status !== 'succeeded') {
    const [reason = '', ...causes] = job.error ? errorLines(new TureenProblem(job.error)) : []
    throw new CommandFailure(
      `The job ${job.id} has ${job.status === 'failed' ? 'failed' : 'been cancelled'}: ${reason}`,
      causes,
    )
  }
  if (job.type === 'search' && job.result) reporter.tell(...searchLines(job.result, reporter.readable))
  if (job.type === 'merge' && job.result)
    reporter.tell(plain(`model ${job.result.model.id}, ${job.result.model.name ?? 'without a name'}`))
  if (job.type === 'evaluation' && job.result)
    reporter.tell(...Object.entries(job.result.metrics).map(([name, value]) => plain(`${name}  ${shownScore(value)}`)))
  reporter.tell(`The ${job.type} ${job.id} has succeeded.`)
  return exitCodes.done
}
