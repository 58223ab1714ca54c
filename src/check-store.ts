import { resolve } from 'node:path'
import { commandLine } from './command-line.ts'
import { withStoppedStore } from './store-tools/held-store.ts'
import { checkStore } from './store-tools/store-check.ts'

const usage = `usage: npm run check-store -- DIR [--deep] [--recover]
  DIR        the data directory (TUREEN_DATA) of a stopped server, or a backup
  --deep     read every file to its end and compare its digest
  --recover  make new records for files in content/ and quarantine/ that have none`

const say = (line: string) => void process.stdout.write(`${line}\n`)

/** Runs the command. @returns the number of findings: defects of the store */
async function main(): Promise<number> {
  const command = commandLine(usage)
  const { values, positionals } = command.parse({
    allowPositionals: true,
    options: { deep: { type: 'boolean', default: false }, recover: { type: 'boolean', default: false } },
  })
  const [given, ...more] = positionals
  if (given === undefined || more.length > 0) return command.refuse(`Name one directory, not ${positionals.length}`)
  const directory = resolve(given)
  return withStoppedStore(directory, values.recover, async () => {
    let damaged = 0
    if (values.recover) {
      // Loads Kysely and the worker threads, which a check does not need.
      const { recoverStore } = await import('./store-tools/recover-store.ts')
      const recovery = await recoverStore(directory, say)
      damaged = recovery.damaged
      say(
        `New records: ${recovery.models} models, ${recovery.datasets} data sets. Back from quarantine: ${recovery.returned} files. Still in quarantine: ${recovery.left} files. Damaged: ${recovery.damaged} files.`,
      )
    }
    const { records, files, bytes, quarantined, findings } = await checkStore(directory, {
      deep: values.deep,
      onFinding: ({ place, message }) => say(`${place} ${message}.`),
    })
    say(
      `${records} records, ${files} files of content (${bytes} bytes${values.deep ? ', every digest compared' : ''}), ${quarantined} files in quarantine: ${findings === 0 ? 'nothing is wrong' : `${findings} findings`}.`,
    )
    return findings + damaged
  })
}

if (import.meta.main) {
  try {
    process.exitCode = (await main()) > 0 ? 1 : 0
  } catch (error) {
    process.stderr.write(`check-store: ${error instanceof Error ? error.message : String(error)}\n`)
    process.exitCode = 1
  }
}
