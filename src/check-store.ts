import { resolve } from 'node:path'
import { commandLine } from './command-line.ts'
import { typedCommand } from './command-names.ts'
import { runTool } from './run-tool.ts'
import { requireOwnCatalog, requireOwnContent } from './storage/content-place.ts'
import { withStoppedStore } from './store-tools/held-store.ts'
import { type CheckOptions, checkStore, type StoreCheck } from './store-tools/store-check.ts'

const usage = `usage: ${typedCommand('check', '[DIR] [--catalog postgres] [--content s3://BUCKET/PREFIX] [--deep] [--recover]')}
  DIR                 the data directory (TUREEN_DATA) of a stopped server, or a backup
  --catalog postgres  the catalog is in the database that TUREEN_DATABASE_URL names
  --content URL       the content is in a bucket of S3; with the catalog in PostgreSQL too, leave DIR out, and servers may run
  --deep              read every file to its end and compare its digest
  --recover           make new records for files in content/ and quarantine/ that have none`

const say = (line: string) => void process.stdout.write(`${line}\n`)

/** Parts of a store that are not in its data directory. */
type Elsewhere = { catalog: boolean; content: string | undefined }

/** Runs the command. @returns the number of findings: defects of the store */
async function main(typed: readonly string[]): Promise<number> {
  const command = commandLine(usage, typed)
  const { values, positionals } = command.parse({
    allowPositionals: true,
    options: {
      catalog: { type: 'string' },
      content: { type: 'string' },
      deep: { type: 'boolean', default: false },
      recover: { type: 'boolean', default: false },
    },
  })
  const { catalog, content, deep, recover } = values
  if (catalog !== undefined && catalog !== 'postgres')
    return command.refuse(`--catalog ${catalog}: must be postgres. Without it, the catalog is catalog.sqlite in DIR`)
  const elsewhere = { catalog: catalog !== undefined, content }
  const [given, ...more] = positionals
  if (elsewhere.catalog && content !== undefined && given !== undefined)
    return command.refuse('Name no directory: with --catalog and --content, nothing in it is checked')
  if ((given === undefined && !(elsewhere.catalog && content !== undefined)) || more.length > 0)
    return command.refuse(`Name one directory, not ${positionals.length}`)
  const options: CheckOptions = { deep, onFinding: ({ place, message }) => say(`${place} ${message}.`) }
  const directory = given === undefined ? null : resolve(given)
  if (elsewhere.catalog || content !== undefined) {
    if (recover) return command.refuse('--recover: works on stores whose catalog and content are in DIR')
    return checkParts(command, directory, elsewhere, options)
  }
  return directory === null ? 0 : checkDirectory(directory, recover, options)
}

const addCatalog = 'Add --catalog postgres, and set TUREEN_DATABASE_URL.'
const addContent = 'Add --content s3://BUCKET/PREFIX, as TUREEN_CONTENT has it.'

async function checkDirectory(directory: string, recover: boolean, options: CheckOptions): Promise<number> {
  await requireOwnCatalog(directory, addCatalog)
  await requireOwnContent(directory, addContent)
  return withStoppedStore(directory, recover, async () => {
    let damaged = 0
    if (recover) {
      // Loads Kysely and the worker threads, which a check does not need.
      const { recoverStore } = await import('./store-tools/recover-store.ts')
      const recovery = await recoverStore(directory, say)
      damaged = recovery.damaged
      say(
        `New records: ${recovery.models} models, ${recovery.datasets} data sets. Back from quarantine: ${recovery.returned} files. Still in quarantine: ${recovery.left} files. Damaged: ${recovery.damaged} files.`,
      )
    }
    return told(await checkStore(directory, options), options, false) + damaged
  })
}

/** Checks a store of which at least one part is in PostgreSQL or S3. */
async function checkParts(
  command: ReturnType<typeof commandLine>,
  directory: string | null,
  elsewhere: Elsewhere,
  options: CheckOptions,
): Promise<number> {
  // They load the schema of the configuration and the drivers, which other checks do not need.
  const { toolSettings } = await import('./composition/tool-settings.ts')
  const { checkElsewhere } = await import('./store-tools/elsewhere-check.ts')
  const settings = toolSettings(command, process.env)
  const content = settings.bucket(elsewhere.content)
  const database = elsewhere.catalog ? settings.database : null
  if (elsewhere.catalog && database === null)
    return command.refuse('--catalog postgres: set TUREEN_DATABASE_URL to the database of the store')
  const run = async () =>
    told(await checkElsewhere({ directory, database, content }, options), options, content !== null)
  if (directory === null) return run()
  if (database === null) await requireOwnCatalog(directory, addCatalog)
  if (content === null) await requireOwnContent(directory, addContent)
  return withStoppedStore(directory, false, run)
}

/** Tells the result of a check. @returns the number of findings */
function told(check: StoreCheck, { deep }: CheckOptions, isBucket: boolean): number {
  const { records, files, bytes, quarantined, unrecorded, findings } = check
  const rest = isBucket ? `${unrecorded} files without a record` : `${quarantined} files in quarantine`
  const result = findings === 0 ? 'nothing is wrong' : `${findings} findings`
  say(
    `${records} records, ${files} files of content (${bytes} bytes${deep ? ', every digest compared' : ''}), ${rest}: ${result}.`,
  )
  return findings
}

/** Runs the command to its end and sets the exit code. @param given the arguments after its name */
export const checkStoreCommand = (given: readonly string[]) => runTool('check', () => main(given))

if (import.meta.main) await checkStoreCommand(process.argv.slice(2))
