import { resolve } from 'node:path'
import type { CommandLine } from '../command-line.ts'
import { environment } from '../configuration/environment.ts'
import { type S3Address, s3Address } from '../configuration/variable-kinds.ts'

/** Settings of tools that use a database or a bucket. `database`: its address without a pooler, if there is one; null if none is set. */
export type ToolSettings = {
  directory: string
  database: string | null
  /** Returns the bucket of an option `--content`; null without the option. */
  bucket(address: string | undefined): (S3Address & { pathStyle: boolean }) | null
}

const settings = environment.pick({
  TUREEN_DATA: true,
  TUREEN_DATABASE_URL: true,
  TUREEN_DATABASE_DIRECT_URL: true,
  TUREEN_S3_PATH_STYLE: true,
})

/** Reads the settings from environment variables, as the server does. A wrong one ends the process: see {@link CommandLine.refuse}. */
export function toolSettings(
  command: Pick<CommandLine, 'refuse'>,
  variables: Record<string, string | undefined>,
): ToolSettings {
  const given = Object.fromEntries(Object.entries(variables).filter(([, value]) => value !== ''))
  const { success, data, error } = settings.safeParse(given)
  if (!success) {
    const [issue] = error.issues
    return command.refuse(`${issue?.path.join('.')}: ${issue?.message}`)
  }
  const pathStyle = data.TUREEN_S3_PATH_STYLE === 'true'
  return {
    directory: resolve(data.TUREEN_DATA),
    database: data.TUREEN_DATABASE_DIRECT_URL ?? data.TUREEN_DATABASE_URL ?? null,
    bucket(address) {
      const place = s3Address.safeParse(address)
      if (!place.success) return command.refuse(`--content ${address}: ${place.error.issues[0]?.message}`)
      return place.data ? { ...place.data, pathStyle } : null
    },
  }
}
