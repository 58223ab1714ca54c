import { commandLine } from './command-line.ts'
import { backUpStore } from './store-tools/back-up-store.ts'

const usage = `usage: npm run backup -- DIR
  DIR  a directory that does not exist yet. The command writes a consistent copy of the store in TUREEN_DATA (./data) there. The server may run meanwhile.`

const say = (line: string) => void process.stdout.write(`${line}\n`)

/** Runs the command. @returns the number of findings: defects of the store */
async function main(): Promise<number> {
  const command = commandLine(usage)
  const { positionals } = command.parse({ allowPositionals: true, options: {} })
  const [target, ...more] = positionals
  if (target === undefined || more.length > 0) return command.refuse(`Name one directory, not ${positionals.length}`)
  const { linked, copied, bytes, findings } = await backUpStore(process.env['TUREEN_DATA'] || './data', target)
  for (const { place, message } of findings) say(`${place} ${message}.`)
  say(`${target}: ${linked} files linked, ${copied} copied, ${bytes} bytes of content, ${findings.length} findings.`)
  return findings.length
}

if (import.meta.main) {
  try {
    process.exitCode = (await main()) > 0 ? 1 : 0
  } catch (error) {
    process.stderr.write(`backup: ${error instanceof Error ? error.message : String(error)}\n`)
    process.exitCode = 1
  }
}
