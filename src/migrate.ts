import { commandLine } from './command-line.ts'
import { typedCommand } from './command-names.ts'
import { toolSettings } from './composition/tool-settings.ts'
import { runTool } from './run-tool.ts'
import { moveStore } from './store-tools/move/move-store.ts'

const usage = `usage: ${typedCommand('migrate', '[--to postgres] [--content s3://BUCKET/PREFIX] [--dry-run]')}
  Moves the store in TUREEN_DATA (./data), whose server is stopped.
  --to postgres   copies catalog.sqlite into the database that TUREEN_DATABASE_URL (or TUREEN_DATABASE_DIRECT_URL) names
  --content URL   sends content/ to a bucket of S3; the AWS variables and TUREEN_S3_PATH_STYLE are those of the server
  --dry-run       says what the command would do, and changes nothing`

const say = (line: string) => void process.stderr.write(`migrate: ${line}\n`)

/** Runs the command. @returns the number of findings: defects of the store */
async function main(given: readonly string[]): Promise<number> {
  const command = commandLine(usage, given)
  const { values } = command.parse({
    options: {
      to: { type: 'string' },
      content: { type: 'string' },
      'dry-run': { type: 'boolean', default: false },
    },
  })
  const { to, content: address, 'dry-run': isTrial } = values
  if (to === undefined && address === undefined)
    return command.refuse('Say what to move: --to postgres, --content, or both')
  if (to !== undefined && to !== 'postgres') return command.refuse(`--to ${to}: must be postgres`)
  const { directory, database, bucket } = toolSettings(command, process.env)
  const content = bucket(address)
  if (to !== undefined && database === null)
    return command.refuse('--to postgres: set TUREEN_DATABASE_URL to an empty database')
  let findings = 0
  const onFinding = (finding: { place: string; message: string }) => {
    findings += 1
    process.stdout.write(`${finding.place} ${finding.message}.\n`)
  }
  await moveStore(directory, { toPostgres: to !== undefined, database, content }, isTrial, { say, onFinding })
  const result = isTrial ? 'nothing was changed' : 'the store is moved'
  process.stdout.write(`${directory}: ${result}, ${findings} findings.\n`)
  return findings
}

/** Runs the command to its end and sets the exit code. @param given the arguments after its name */
export const migrateCommand = (given: readonly string[]) => runTool('migrate', () => main(given))

if (import.meta.main) await migrateCommand(process.argv.slice(2))
