import type { Command } from 'commander'
import { z } from 'zod'

/** Options of commands that wait for a job, as {@link addJobOptions} declares them. */
export const jobOptions = { ndjson: z.boolean().default(false) }

export function addJobOptions(command: Command): Command {
  return command.option(
    '--ndjson',
    'write the events of the job on standard output, one JSON document in each line, the job at the end',
  )
}
