import type { Command } from 'commander'
import { z } from 'zod'
import { UsageMistake } from './mistakes.ts'

/** Options of commands that wait for a job, as {@link addJobOptions} declares them. */
export const jobOptions = { ndjson: z.boolean().default(false) }

export function addJobOptions(command: Command): Command {
  return command.option(
    '--ndjson',
    'write the events of the job on standard output, one JSON document in each line, the job at the end',
  )
}

/** The option of commands that can check a job without running it, as {@link addDryRun} declares it. */
export const dryRunOption = { dryRun: z.boolean().default(false) }

export function addDryRun(command: Command): Command {
  return command.option('--dry-run', 'check the job, say what it would do, and write nothing')
}

/** The option of commands whose result may have warnings, as {@link addWarningGate} declares it. */
export const warningGate = { failOnWarnings: z.boolean().default(false) }

export function addWarningGate(command: Command, description: string): Command {
  return command.option('--fail-on-warnings', description)
}

/** Checks the options beside a dry run, which writes nothing but lines for people. @throws UsageMistake */
export function requireConsistent({
  dryRun,
  json,
  ndjson,
  keep,
  store,
}: {
  dryRun: boolean
  json: boolean
  ndjson: boolean
  keep: boolean
  store?: string | undefined
}): void {
  const others = { '--json': json, '--ndjson': ndjson, '--keep': keep, '--store': store !== undefined }
  const [other] = Object.entries(others).find(([, isGiven]) => isGiven) ?? []
  if (!dryRun || other === undefined) return
  throw new UsageMistake(
    `--dry-run and ${other} exclude each other: a dry run writes nothing but lines for people. Leave one out.`,
  )
}
